"""Reads a JSON list of texts, and prints what python-dotenv makes of each as a `.env` file, as a JSON list of objects."""

import json
import logging
import sys
import tempfile

from dotenv.main import DotEnv

logging.disable()  # of lines that it cannot parse
results = []
with tempfile.NamedTemporaryFile(mode="w", encoding="utf-8", newline="") as file:
    for text in json.load(sys.stdin):
        file.seek(0)
        file.truncate()
        file.write(text)
        file.flush()
        # As `load_dotenv` does, which lets the environment win.
        values = DotEnv(file.name, override=False, encoding="utf-8").dict()
        results.append({name: value for name, value in values.items() if value is not None})
json.dump(results, sys.stdout)
