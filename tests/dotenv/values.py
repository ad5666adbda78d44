"""Reads a JSON list of texts, parses each with python-dotenv as a `.env` file, and prints a JSON list of objects."""

import json
import logging
import sys
import tempfile

from dotenv.main import DotEnv

logging.disable()  # no warnings about lines that it cannot parse
results = []
with tempfile.NamedTemporaryFile(mode="w", encoding="utf-8", newline="") as file:
    for text in json.load(sys.stdin):
        file.seek(0)
        file.truncate()
        file.write(text)
        file.flush()
        # The same options as `load_dotenv`: the environment has precedence.
        values = DotEnv(file.name, override=False, encoding="utf-8").dict()
        results.append({name: value for name, value in values.items() if value is not None})
json.dump(results, sys.stdout)
