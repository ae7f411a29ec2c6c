"""Chat templates of models that call tools, and that think before they answer, as Qwen writes them."""

from __future__ import annotations

from textwrap import dedent


def _joined(text: str) -> str:
    """A template whose lines are there for the reader only."""
    return "".join(dedent(text).strip().splitlines())


TOOLS = _joined(r"""
    {%- if tools %}
    {{- '<|im_start|>system\n# Tools\n\nFunction signatures are within <tools></tools>:\n<tools>' }}
    {%- for tool in tools %}{{- '\n' }}{{- tool | tojson }}{%- endfor %}
    {{- '\n</tools>\n\nReturn a json object within <tool_call></tool_call>:\n<tool_call>\n' }}
    {{- '{"name": <function-name>, "arguments": <args-json-object>}\n</tool_call><|im_end|>\n' }}{%- endif %}
    {%- for m in messages %}
    {%- if m.role == 'assistant' and m.tool_calls %}{{- '<|im_start|>assistant' }}
    {%- if m.content %}{{- '\n' + m.content }}{%- endif %}
    {%- for call in m.tool_calls %}{%- set call = call.function if call.function is defined else call %}
    {{- '\n<tool_call>\n{"name": "' + call.name + '", "arguments": ' }}{{- call.arguments | tojson }}
    {{- '}\n</tool_call>' }}{%- endfor %}{{- '<|im_end|>\n' }}
    {%- elif m.role == 'tool' %}
    {{- '<|im_start|>user\n<tool_response>\n' + m.content + '\n</tool_response><|im_end|>\n' }}
    {%- else %}{{- '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{%- endif %}
    {%- endfor %}
    {%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}{%- endif %}
""")

THINKS = _joined(r"""
    {%- for m in messages %}{{- '<|im_start|>' + m.role + '\n' }}
    {%- if m.role == 'assistant' and m.reasoning_content %}
    {{- '<think>\n' + m.reasoning_content.strip('\n') + '\n</think>\n\n' }}{%- endif %}
    {{- m.content + '<|im_end|>\n' }}{%- endfor %}
    {%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}
    {{- '<think>\n\n</think>\n\n' }}{%- endif %}{%- endif %}
""")
