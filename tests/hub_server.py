"""A hub on this machine that speaks as much of the Hugging Face protocol as uploads and downloads of small files take."""

import base64
import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit


class LocalHub(ThreadingHTTPServer):
    """Repositories in memory: `repos[name]` is a list of commits, each a dictionary of file names and bytes."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.repos, self.private, self.requests, self.refusing = {}, {}, [], False
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def sha(self, repo, number):
        return hashlib.sha1(f"{repo} {number}".encode()).hexdigest()

    def commit(self, repo, revision):
        """The files of a revision and its sha, or None."""
        commits = self.repos.get(repo)
        if not commits:
            return None
        shas = [self.sha(repo, number) for number in range(len(commits))]
        number = len(shas) - 1 if revision == "main" else shas.index(revision) if revision in shas else None
        return None if number is None else (commits[number], shas[number])


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, status, content=b"", **headers):
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body)), "Content-Type": "application/json"} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_POST(self):
        hub, path = self.server, unquote(urlsplit(self.path).path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        hub.requests.append(("POST", path))
        if hub.refusing:
            return self.answer(
                403,
                {"error": "You have no right to write here"},
                **{"X-Error-Message": "You have no right to write here"},
            )
        if path == "/api/repos/create":
            asked = json.loads(body)
            repo = f"{asked.get('organization') or 'me'}/{asked['name']}"
            hub.repos.setdefault(repo, [])
            hub.private[repo] = asked.get("private") or asked.get("visibility") == "private"
            return self.answer(200, {"url": f"{hub.url}/{repo}"})
        if path == "/api/validate-yaml":
            return self.answer(200, {"errors": [], "warnings": []})
        repo = "/".join(path.split("/")[3:5])
        if "/preupload/" in path:
            files = [
                {"path": file["path"], "uploadMode": "regular", "shouldIgnore": False}
                for file in json.loads(body)["files"]
            ]
            return self.answer(200, {"files": files})
        lines = [json.loads(line) for line in body.splitlines() if line.strip()]
        files = {
            line["value"]["path"]: base64.b64decode(line["value"]["content"]) for line in lines if line["key"] == "file"
        }
        hub.repos[repo].append((hub.repos[repo][-1] if hub.repos[repo] else {}) | files)
        sha = hub.sha(repo, len(hub.repos[repo]) - 1)
        self.answer(
            200, {"success": True, "commitOid": sha, "commitUrl": f"{hub.url}/{repo}/commit/{sha}", "hookOutput": ""}
        )

    def do_GET(self):
        hub, path = self.server, unquote(urlsplit(self.path).path)
        hub.requests.append((self.command, path))
        parts = path.strip("/").split("/")
        if parts[:2] == ["api", "models"]:
            repo, revision = "/".join(parts[2:4]), parts[5] if len(parts) > 5 else "main"
            found = hub.commit(repo, revision)
            if found is None:
                return self.answer(404, {"error": "Repository not found"}, **{"X-Error-Code": "RepoNotFound"})
            files, sha = found
            if "tree" in parts:
                return self.answer(
                    200, [{"type": "file", "path": name, "size": len(data), "oid": "0"} for name, data in files.items()]
                )
            siblings = [{"rfilename": name} for name in files]
            return self.answer(
                200,
                {
                    "id": repo,
                    "modelId": repo,
                    "sha": sha,
                    "private": False,
                    "tags": [],
                    "downloads": 0,
                    "likes": 0,
                    "siblings": siblings,
                },
            )
        repo, revision, name = "/".join(parts[:2]), parts[3], "/".join(parts[4:])
        found = hub.commit(repo, revision)
        if found is None or name not in found[0]:
            return self.answer(404, {"error": "Entry not found"}, **{"X-Error-Code": "EntryNotFound"})
        data, etag = found[0][name], hashlib.sha1(found[0][name]).hexdigest()
        self.answer(
            200, data, ETag=f'"{etag}"', **{"X-Repo-Commit": found[1], "Content-Type": "application/octet-stream"}
        )

    do_HEAD = do_GET
