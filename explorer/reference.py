"""The API's reference as one page without scripts, made from its OpenAPI document."""

from __future__ import annotations

import json
from html import escape
from typing import Any

_HEAD = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><link rel="icon" href="data:,"><link rel="stylesheet" href="/en/site/style.css">
<style>main{{max-width:52rem;margin:0 auto;padding:1.5rem 1rem 4rem}}h2 code{{font-size:1rem}}.method{{font-weight:700;color:var(--accent)}}</style>
</head><body class="kosae"><main><h1>{title}</h1><p>{about} The document itself: <a href="/openapi.json">openapi.json</a>.
Every error is JSON with one sentence: <code>{{"error": "..."}}</code>. Back to <a href="/en/explorer.html">the explorer</a>.</p>
"""


def page(document: dict[str, Any]) -> str:
    """HTML of an OpenAPI document: every operation with its parameters, the fields of what is sent, and an example."""
    info, schemas = document["info"], document.get("components", {}).get("schemas", {})
    out = [_HEAD.format(title=escape(info["title"]), about=escape(info.get("description", "")))]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            out.append(f'<h2><span class="method">{method.upper()}</span> <code>{escape(path)}</code></h2>')
            out.append(f"<p>{escape(operation.get('description', operation.get('summary', '')))}</p>")
            out.append(_table([_parameter(p) for p in operation.get("parameters", [])]))
            body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
            if body:
                out.append(_fields(body, schemas))
                example = json.dumps(_example(body, schemas), ensure_ascii=False)
                out.append(
                    f"<pre><code>curl -X POST http://127.0.0.1:8000{escape(path)} \\\n  -H 'content-type: application/json' \\\n  -d '{escape(example)}'</code></pre>"
                )
    return "".join(out) + "</main></body></html>\n"


def _resolve(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    return schemas[schema["$ref"].rsplit("/", 1)[1]] if "$ref" in schema else schema


def _parameter(parameter: dict[str, Any]) -> list[str]:
    return [
        parameter["name"],
        _kind(parameter["schema"]),
        "required" if parameter.get("required") else _default(parameter["schema"]),
        parameter.get("description", ""),
    ]


def _default(schema: dict[str, Any]) -> str:
    return json.dumps(schema["default"]) if schema.get("default") is not None else ""


def _kind(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(_kind(each) for each in schema["anyOf"] if each.get("type") != "null")
    if "$ref" in schema:
        return schema["$ref"].rsplit("/", 1)[1]
    if "enum" in schema:
        return " | ".join(json.dumps(value) for value in schema["enum"])
    limits = [f"{word} {schema[key]:g}" for key, word in (("minimum", "from"), ("maximum", "to")) if key in schema]
    limits += [f"at most {schema[key]}" for key in ("maxLength", "maxItems") if key in schema]
    inner = f" of {_kind(schema['items'])}" if "items" in schema else ""
    return f"{schema.get('type', 'any')}{inner}" + (f", {', '.join(limits)}" if limits else "")


def _fields(schema: dict[str, Any], schemas: dict[str, Any]) -> str:
    full = _resolve(schema, schemas)
    rows = []
    for name, field in full.get("properties", {}).items():
        needed = "required" if name in full.get("required", []) else _default(field)
        rows.append([name, _kind(field), needed, field.get("description", "")])
    return _table(rows)


def _table(rows: list[list[str]]) -> str:
    if not rows:
        return ""
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="table-wrap"><table><thead><tr><th>name</th><th>type</th><th>default</th><th></th></tr></thead><tbody>{body}</tbody></table></div>'


def _example(schema: dict[str, Any], schemas: dict[str, Any]) -> Any:
    full = _resolve(schema, schemas)
    if "properties" in full:
        needed = full.get("required", [])
        return {
            name: _example({"name": name, **field}, schemas)
            for name, field in full["properties"].items()
            if name in needed
        }
    if full.get("type") == "array":
        return [_example({**full["items"], "name": full.get("name", "")}, schemas)]
    if full.get("type") in ("integer", "number"):
        return full.get("default", 447)
    return "kosae-lm-q2" if full.get("name") == "sae" else "오늘은 비가 와요."
