"""`python serve_program.py ENVIRONMENT.pickle DATA PROJECT PORT`: serves, and says on stdout how it goes."""

from __future__ import annotations

import json
import pickle
import sys
from pathlib import Path

from zoo.errors import EaiError
from zoo.serve.run import Options, Told, serve


def say(**what: object) -> None:
    """One JSON object a line."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def main() -> int:
    """Serve until a signal comes."""
    what, data, project, port = sys.argv[1:]
    environment, more = pickle.loads(Path(what).read_bytes())
    options = Options(data=Path(data), project=Path(project), port=int(port), **more)
    told = Told(ready=lambda url: say(ready=url), stopping=lambda streams: say(stopping=streams))
    try:
        say(whole=serve(environment, options, told))
    except EaiError as error:
        say(error=error.message, hint=error.hint)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
