"""Ask the server at a URL one question, and print the answer as it comes: `ask.py URL QUESTION`."""

from __future__ import annotations

import json
import sys
import urllib.request


def main(url: str, question: str) -> None:
    """Stream one chat completion to stdout."""
    body = {"messages": [{"role": "user", "content": question}], "stream": True}
    request = urllib.request.Request(  # noqa: S310 - the URL is this machine's own server
        f"{url}/v1/chat/completions",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    sys.stdout.write(f"\n> {question}\n")
    with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310 - as above
        for line in answer:
            event = line.decode().removeprefix("data: ").strip()
            if event and event != "[DONE]":
                delta = json.loads(event)["choices"][0]["delta"]
                sys.stdout.write(delta.get("content") or "")
                sys.stdout.flush()
        model = answer.headers["x-eai-model"]
        environment = answer.headers["x-eai-environment"]
    sys.stdout.write(f"\n\n({model}, environment {environment})\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
