"""The simulator as a process of its own: when it says it listens, and how it ends."""

from __future__ import annotations

import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import trustme

from app.simulator import tenant
from app.simulator.command import main
from app.simulator.scenarios import SCENARIOS
from app.simulator.server import serve_in_thread
from app.simulator.service import ACCESS_KEY_TOKEN, INTERACTIONS

ROOT = Path(__file__).parents[2]
posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows ends a process without asking it")


@contextmanager
def process(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A running one and the URL that it printed; killed if the test leaves it behind."""
    command = [sys.executable, "-W", "error", "-m", "app.simulator", *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as running:
        try:
            assert running.stdout is not None
            said = running.stdout.readline().split()
            if said[:1] != ["listening"]:
                running.kill()
                raise AssertionError(running.communicate())
            yield running, said[1]
        finally:
            running.kill()


def certified(folder: Path) -> tuple[Path, Path, trustme.CA]:
    """A certificate for the loopback address, its key, and who has to be trusted for it."""
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    certificate, key = folder / "cert.pem", folder / "key.pem"
    issued.cert_chain_pems[0].write_to_path(str(certificate))
    issued.private_key_pem.write_to_path(str(key))
    return certificate, key, authority


@posix
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_it_listens_when_it_says_so_and_ends_without_a_word(how: signal.Signals) -> None:
    with process("--scenario", "slow-lost") as (running, url), httpx.Client(trust_env=False) as http:
        assert http.get(url).status_code == 200
        truth = http.get(f"{url}/_sim/truth").json()
        assert truth["recording"] == "recorded"
        assert http.get(f"{url}/_sim/knobs").json()["mask"]["body"] == "never"
        running.send_signal(how)
        out, err = running.communicate(timeout=10)
    assert (running.returncode, out, err) == (0, "", "")


@posix
@pytest.mark.parametrize("over_tls", [False, True])
def test_it_says_nothing_whatever_clients_do_to_it(tmp_path: Path, over_tls: bool) -> None:
    certificate, key, _ = certified(tmp_path)
    tls = ["--tls-cert", str(certificate), "--tls-key", str(key)] if over_tls else []
    with process("--scenario", "huge", *tls) as (running, url):
        address = httpx.URL(url)
        for sent in (b"", b"GET / HT", b"\x16\x03\x01\x02", b"junk\r\n\r\n"):
            with socket.create_connection((address.host, address.port or 0), timeout=5) as raw:
                raw.sendall(sent)
        distrusting = ssl.create_default_context() if over_tls else False
        with httpx.Client(verify=distrusting, trust_env=False) as http:
            if over_tls:
                with pytest.raises(httpx.ConnectError):
                    http.get(url)
        with httpx.Client(base_url=url, verify=False, trust_env=False) as http:  # noqa: S501 # our own child
            key_of_agent = {"accessKeyId": tenant.ACCESS_KEY_ID, "accessKeySecret": tenant.ACCESS_KEY_SECRET}
            token = http.post(ACCESS_KEY_TOKEN, json=key_of_agent).json()["access_token"]
            http.headers["Authorization"] = f"Bearer {token}"
            mask = f"{INTERACTIONS}/mask?userId={tenant.USER_ID}"
            for _ in range(3):
                with http.stream("POST", mask) as response:
                    next(response.iter_raw())
            for name in ("half", "reset", "drip", "lost"):
                http.post("/_sim/scenario", json={"name": name})
                with pytest.raises(httpx.TransportError):
                    http.post(mask, timeout=0.2)
            http.post("/_sim/scenario", json={"name": "instant"})
            assert http.post(mask, content=b"x" * 3_000_000).status_code == 200
            truth = http.get("/_sim/truth").json()
        assert [r["ended"] for r in truth["requests"][1:4]] == ["gone"] * 3
        assert (truth["in_flight"], truth["overlaps"]) == (0, 0)
        running.terminate()
        out, err = running.communicate(timeout=10)
    assert (running.returncode, out, err) == (0, "", "")


def test_it_ends_with_its_parent_even_while_a_request_waits() -> None:
    with process("--exit-with-parent", "--scenario", "instant", "--call", "none") as (running, url):
        with httpx.Client(base_url=url, trust_env=False) as http:
            assert http.get("/_sim/truth").json()["recording"] == "none"
            http.post("/_sim/knobs", json={"token": {"body": "never"}})
            with pytest.raises(httpx.ReadTimeout):
                http.post(
                    "/authentication/v1/token/access-key",
                    json={
                        "accessKeyId": "SIMULATOR-ACCESS-KEY-ID",
                        "accessKeySecret": "SIMULATOR-ACCESS-KEY-SECRET",
                    },
                    timeout=0.2,
                )
        assert running.stdin is not None
        running.stdin.close()
        assert running.wait(10) == 0
        assert running.stderr is not None
        assert running.stderr.read() == ""


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--scenario", "no-such"], "there is no scenario 'no-such'; known are instant"),
        (["--port", "70000"], "cannot listen on 127.0.0.1:70000"),
        (["--host", "no.such.host.invalid"], "cannot listen on no.such.host.invalid"),
        (["--tls-cert", "x.pem"], "belong together"),
        (["--tls-cert", "/no/x.pem", "--tls-key", "/no/y.pem"], "cannot use the certificate"),
        (["--keepalive", "nan"], "--keepalive takes"),
        (["--port", "many"], "invalid int value"),
    ],
)
def test_what_cannot_be_served_is_one_sentence_and_exit_code_2(
    capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    assert main(arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert says in said.err
    assert "Traceback" not in said.err


def test_a_port_in_use_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with serve_in_thread() as sim:
        assert main(["--port", sim.url.rsplit(":", 1)[1]]) == 2
    assert "cannot listen" in capsys.readouterr().err


def test_the_scenarios_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(SCENARIOS)


def test_over_tls(tmp_path: Path) -> None:
    certificate, key, authority = certified(tmp_path)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    with serve_in_thread(tls=(certificate, key)) as sim:
        assert sim.url.startswith("https://")
        with httpx.Client(verify=trusting, trust_env=False) as http:
            assert http.get(sim.url).status_code == 200
            found = http.get(f"{sim.url}/.well-known/openid-configuration").json()
            assert found["issuer"] == sim.url


def test_an_idle_connection_lives_as_long_as_asked() -> None:
    with serve_in_thread(keepalive=0.1) as sim:
        address = httpx.URL(sim.url)
        with socket.create_connection((address.host, address.port or 0), timeout=5) as raw:
            raw.sendall(b"HEAD / HTTP/1.1\r\nHost: here\r\n\r\n")
            assert raw.recv(1000).startswith(b"HTTP/1.1 200")
            begun = time.monotonic()
            assert raw.recv(1) == b""
            assert 0.05 < time.monotonic() - begun < 2


def test_it_shares_nothing_with_the_rest_of_the_program() -> None:
    script = (
        "import sys, app.simulator.command\n"
        "ours = {m for m in sys.modules if m.startswith('app.') and not m.startswith('app.simulator')}\n"
        "assert not ours, ours\n"
    )
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True)


def test_the_package_alone_loads_no_web_server() -> None:
    script = "import sys, app.simulator, app.simulator.tenant\nassert not {'uvicorn', 'starlette'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True)
