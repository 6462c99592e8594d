"""Every line and block of docs/how-to/get-the-data.md, on a small copy laid out like each set.

SPDX-License-Identifier: Apache-2.0
"""

import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from cxrlens.phantom import draw_nth

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "get-the-data.md"
CHEXPERT = (
    "No Finding,Enlarged Cardiomediastinum,Cardiomegaly,Lung Opacity,Lung Lesion,Edema,"
    "Consolidation,Pneumonia,Atelectasis,Pneumothorax,Pleural Effusion,Pleural Other,Fracture,"
    "Support Devices"
)


def cut_sections() -> dict[str, list[tuple[str, str]]]:
    """The blocks of each section, by its heading."""
    sections = re.split(r"^## (.+)$", PAGE.read_text("utf-8"), flags=re.MULTILINE)[1:]
    block = re.compile(r"^```(text|py)\n(.*?)^```", re.MULTILINE | re.DOTALL)
    return {
        name: block.findall(text) for name, text in zip(sections[::2], sections[1::2], strict=True)
    }


def picture(path: Path, number: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(draw_nth(number, seed=9).pixels).save(path)


def table(path: Path, header: str, rows: Sequence[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([header, *rows]) + "\n")


def dicom(path: Path, number: int) -> None:
    pixels = draw_nth(number, seed=9).pixels
    header = Dataset()
    header.SOPClassUID = "1.2.840.10008.5.1.4.1.1.1"
    header.SOPInstanceUID = f"1.2.3.{number}"
    header.StudyInstanceUID = f"1.2.4.{number}"
    header.PatientID = f"phantom{number:05d}"
    header.Modality, header.ViewPosition, header.BodyPartExamined = "CR", "PA", "CHEST"
    header.StudyDescription = ("normal", "pneumonia")[number % 2]
    header.Manufacturer = "Drawn"
    header.PhotometricInterpretation, header.SamplesPerPixel = "MONOCHROME2", 1
    header.Rows, header.Columns = pixels.shape
    header.BitsAllocated, header.BitsStored, header.HighBit = 8, 8, 7
    header.PixelRepresentation, header.PixelData = 0, pixels.tobytes()
    header.file_meta = FileMetaDataset()
    header.file_meta.MediaStorageSOPClassUID = header.SOPClassUID
    header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    path.parent.mkdir(parents=True, exist_ok=True)
    header.save_as(path, enforce_file_format=True)


def lay_kermany() -> None:
    for part, n in (("train", 6), ("val", 1), ("test", 2)):
        for i in range(n):
            for place in ("chest_xray", "chest_xray/chest_xray"):
                picture(Path(place, part, "NORMAL", f"IM-{i:04d}-0001.jpeg"), i)
                picture(Path(place, part, "PNEUMONIA", f"person{i}_virus_{i}.jpeg"), i + 50)


def lay_radiography() -> None:
    for name in ("COVID", "Lung_Opacity", "Normal", "Viral Pneumonia"):
        for i in range(3):
            picture(Path("COVID-19_Radiography_Dataset", name, "images", f"{name}-{i}.png"), i)
            picture(Path("COVID-19_Radiography_Dataset", name, "masks", f"{name}-{i}.png"), i)
        Path("COVID-19_Radiography_Dataset", f"{name}.metadata.xlsx").write_bytes(b"PK\x03\x04")


def lay_ieee() -> None:
    kinds = ["PA", "AP Supine", "L", "Axial"]
    rows = [
        f"{i},M,50,{('Pneumonia/Viral/COVID-19', 'No Finding')[i % 2]},{kinds[i // 2 % 4]},"
        f"{'CT' if i // 2 % 4 == 3 else 'X-ray'},images,{i}.png,CC BY"
        for i in range(16)
    ]
    header = "patientid,sex,age,finding,view,modality,folder,filename,license"
    table(Path("covid-chestxray-dataset/metadata.csv"), header, rows)
    for i in range(16):
        picture(Path(f"covid-chestxray-dataset/images/{i}.png"), i)


def lay_nih() -> None:
    header = (
        "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,"
        "View Position,OriginalImageWidth,OriginalImageHeight,OriginalImagePixelSpacing_x,"
        "OriginalImagePixelSpacing_y"
    )
    names = [f"{i:08d}_000.png" for i in range(1, 7)]
    rows = [
        f"{name},{('No Finding', 'Mass|Nodule')[i % 2]},0,{i + 1},58,M,PA,256,256,0.1,0.1"
        for i, name in enumerate(names)
    ]
    table(Path("ChestX-ray14/Data_Entry_2017_v2020.csv"), header, rows)
    for i, name in enumerate(names):
        picture(Path("ChestX-ray14", f"images_00{1 + i % 2}", "images", name), i)


def lay_chexpert() -> None:
    header = f"Path,Sex,Age,Frontal/Lateral,AP/PA,{CHEXPERT}"
    for part in ("train", "valid"):
        rows = []
        for i in range(4):
            path = f"CheXpert-v1.0-small/{part}/patient{i:05d}/study1/view1_frontal.jpg"
            rows.append(f"{path},Female,68,Frontal,AP,1.0,,0.0,-1.0,,,,,,,,,,{i % 2}.0")
            picture(Path(path), i)
        table(Path(f"CheXpert-v1.0-small/{part}.csv"), header, rows)


def lay_rsna() -> None:
    rows = ["a0,,,,,0", "a1,10,20,30,40,1", "a1,90,20,30,40,1", "a2,,,,,0", "a3,1,2,3,4,1"]
    table(Path("rsna/stage_2_train_labels.csv"), "patientId,x,y,width,height,Target", rows)
    for i in range(4):
        dicom(Path(f"rsna/stage_2_train_images/a{i}.dcm"), i)


def lay_siim() -> None:
    names = [f"1.2.276.0.7230010.3.1.4.{i}.1" for i in range(4)]
    rows = [f"{name},{('-1', '557374 2 1015 8')[i % 2]}" for i, name in enumerate(names)]
    table(Path("siim/train-rle.csv"), "ImageId, EncodedPixels", rows)
    for i, name in enumerate(names):
        dicom(Path(f"siim/dicom-images-train/9.{i}/8.{i}/{name}.dcm"), i)


def lay_vindr() -> None:
    table(
        Path("vindr/annotations/image_labels_test.csv"),
        "image_id,Nodule/Mass,Pneumonia,No finding",
        ["a0,1,0,0", "a1,0,1,0", "a2,0,0,1"],
    )
    votes = [f"b{i},R{r},{int(r > i)},{int(i == r)},0" for i in range(3) for r in range(3)]
    header = "image_id,rad_id,Nodule/Mass,Pneumonia,No finding"
    table(Path("vindr/annotations/image_labels_train.csv"), header, votes)
    for i in range(3):
        dicom(Path(f"vindr/test/a{i}.dicom"), i)
        dicom(Path(f"vindr/train/b{i}.dicom"), i + 10)


def lay_padchest() -> None:
    labels = ["['normal']", "['nodule', ' pneumonia']", "['pleural effusion']", "", "['nodule']"]
    rows = [
        f'{i},{i}_a.png,{i % 2},p{i},{("PA", "AP_horizontal", "PA", "PA", "L")[i]},"{one}"'
        for i, one in enumerate(labels)
    ]
    name = "PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv"
    table(Path("padchest", name), ",ImageID,ImageDir,PatientID,Projection,Labels", rows)
    for i in range(5):
        picture(Path(f"padchest/{i % 2}/{i}_a.png"), i)


def lay_mimic() -> None:
    people = [(10000032 + i, 50414267 + i, f"02aa804e-{i}") for i in range(4)]
    ids = [f"{d},{s},{p}" for p, s, d in people]
    parts = [f"{one},{('train', 'validate')[i % 2]}" for i, one in enumerate(ids)]
    views = [f"{d},{p},{s},PA" for p, s, d in people]
    labels = [f"{p},{s},,,1.0,,,,,,-1.0,,0.0,,," for p, s, _ in people]
    table(Path("mimic/split.csv"), "dicom_id,study_id,subject_id,split", parts)
    table(Path("mimic/metadata.csv"), "dicom_id,subject_id,study_id,ViewPosition", views)
    table(Path("mimic/chexpert.csv"), f"subject_id,study_id,{CHEXPERT}", labels)
    for name in ("split", "metadata", "chexpert"):
        subprocess.run(["gzip", f"mimic/{name}.csv"], check=True)
        Path(f"mimic/{name}.csv.gz").rename(f"mimic/mimic-cxr-2.0.0-{name}.csv.gz")
    for i, (p, s, d) in enumerate(people):
        picture(Path(f"mimic/files/p10/p{p}/s{s}/{d}.jpg"), i)


def lay_hdf5() -> None:
    Path("pneumothorax").mkdir()
    for part, n in (("train", 6), ("test", 4)):
        with h5py.File(f"pneumothorax/{part}.h5", "w") as file:
            pixels = [draw_nth(i, seed=9).pixels for i in range(n)]
            file["image"] = np.stack(pixels)[..., None]
            file["label"] = np.eye(2)[np.arange(n) % 2]


def lay_archive() -> None:
    for i in range(6):
        dicom(Path(f"archive/{i}/IM{i}"), i)
    rows = [f"1.2.4.{i},{'ab'[i % 2]}" for i in range(6)]
    table(Path("labels.csv"), "StudyInstanceUID,label", rows)


LAY: dict[str, tuple[Callable[[], None], list[int]]] = {
    "Kermany: pneumonia in children": (lay_kermany, [18]),
    "COVID-19 Radiography Database": (lay_radiography, [12]),
    "ieee8023 covid-chestxray-dataset": (lay_ieee, [8]),
    "NIH ChestX-ray14": (lay_nih, [6]),
    "CheXpert": (lay_chexpert, [8]),
    "RSNA Pneumonia Detection Challenge": (lay_rsna, [4]),
    "SIIM-ACR Pneumothorax": (lay_siim, [4]),
    "VinDr-CXR": (lay_vindr, [3, 3]),
    "PadChest": (lay_padchest, [3]),
    "MIMIC-CXR-JPG": (lay_mimic, [4]),
    "HDF5 of the pneumothorax exercise": (lay_hdf5, [10]),
    "Your own archive": (lay_archive, [6, 6, 6]),
}
"""How each set lies, and how many images each of its lines must find."""


def test_every_section_is_tried() -> None:
    assert set(cut_sections()) == set(LAY)


@pytest.mark.slow
@pytest.mark.parametrize("section", LAY)
def test_the_lines_of_a_section(section: str, cxrlens, tmp_path: Path, monkeypatch) -> None:
    import shlex

    monkeypatch.chdir(tmp_path)
    lay, wanted = LAY[section]
    lay()
    found = []
    for language, text in cut_sections()[section]:
        if language == "py":
            subprocess.run([sys.executable, "-c", text], check=True, capture_output=True)
            continue
        for line in text.strip().splitlines():
            outcome = cxrlens(*shlex.split(line)[1:])
            assert outcome.code == 0, (line, outcome.err)
            counted = re.search(r"(\d+) images", outcome.out)
            assert counted is not None, outcome.out
            assert "None of the" not in outcome.err
            found.append(int(counted[1]))
    assert found == wanted
