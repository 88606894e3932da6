"""Trains a small model on data that scikit-learn ships, and writes the three files that `promote.py` asks for.

deploy/run python examples/train.py out
"""

from __future__ import annotations

import sys
from pathlib import Path

import skops.io
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def main(folder: Path) -> None:
    """`model.skops`, `train.csv` and `evaluation.csv` in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    table = load_breast_cancer(as_frame=True).frame
    table.columns = [name.replace(" ", "_") for name in table.columns]
    table["malignant"] = 1 - table.pop("target")
    train, evaluation = train_test_split(table, test_size=0.4, random_state=0, stratify=table["malignant"])
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
    model.fit(train.drop(columns="malignant"), train["malignant"])
    skops.io.dump(model, folder / "model.skops")
    train.to_csv(folder / "train.csv", index=False)
    evaluation.to_csv(folder / "evaluation.csv", index=False)
    sys.stdout.write(f"model.skops, train.csv and evaluation.csv are in {folder}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "out"))
