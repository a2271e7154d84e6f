"""Sweeps on a scheduler that somebody else started, over TLS."""

import contextlib
import datetime
import os
import signal
import socket
import subprocess
import sys
from collections import Counter

import pytest
import sweep_faults as faults
from sweep_factory import write_inputs
from sweep_runs import chunks, environment, finished_output, gridflops, opened_in, ready_in, tally_of, until

from capacity.sweep import orders, session, store

pytestmark = pytest.mark.slow


@pytest.fixture
def grid_file(tmp_path):
    return write_inputs(tmp_path)


@pytest.fixture
def undisturbed(tmp_path, grid_file):
    """The bytes of the same plan in one process."""
    home = tmp_path / "quiet"
    home.mkdir()
    opened = opened_in(home, ready_in(home, grid_file))
    assert session.execute(opened, orders.Pool("threads", workers=2), orders.Limits()).done == 12
    return chunks(opened)


def certificate(folder):
    """A self-signed certificate that is its own authority."""
    x509 = pytest.importorskip("cryptography.x509")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "gridflops-test")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "cert.pem", folder / "key.pem"


class Outside:
    """A scheduler and a worker as an administrator would start them."""

    def __init__(self, folder, cert, key):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.address = f"tls://127.0.0.1:{self.port}"
        self.tls = ["--tls-ca-file", cert, "--tls-cert", cert, "--tls-key", key]
        self.folder = folder
        self.processes = []

    def start(self):
        scheduler = ["scheduler", "--protocol", "tls", "--host", "127.0.0.1", "--port", self.port, "--no-dashboard"]
        worker = ["worker", self.address, "--nthreads", 1, "--host", "127.0.0.1", "--no-dashboard"]
        for command in (scheduler, [*worker, "--local-directory", self.folder]):
            arguments = [sys.executable, "-m", "dask", *map(str, command), *map(str, self.tls)]
            log, apart = (self.folder / "outside.log").open("a"), {"start_new_session": True, "env": environment()}
            self.processes.append(subprocess.Popen(arguments, stdout=log, stderr=log, **apart))
            log.close()

    def kill(self):
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self.processes = []


def test_a_scheduler_that_is_killed_and_started_again_loses_nothing(tmp_path, grid_file, undisturbed):
    home = tmp_path / "outside"
    home.mkdir()
    ready_in(home, grid_file)
    cert, key = certificate(home)
    outside = Outside(home, cert, key)
    arguments = ["sweep", home / "plan.yaml", "--grid", grid_file, "--out", home / "store"]
    arguments += ["--scheduler", outside.address]
    tls = ["--tls-ca", cert, "--tls-cert", cert, "--tls-key", key]
    faults.raise_gate(home, 4)
    try:
        outside.start()
        client = gridflops(*arguments, *tls, "--json", work="gated")
        until(lambda: len(faults.begun(home)) == 5, "four tasks, and a fifth in flight")
        outside.kill()
        kept = [store.open_store(home / "store").record(task) for task in range(4)]
        faults.raise_gate(home, 12)
        outside.start()
        code, output = finished_output(client)
        assert code == 0, output
        tally = tally_of(output)
        assert (tally["done"], tally["failed"], tally["computed"]) == (12, 0, 12)
    finally:
        outside.kill()
    opened = store.open_store(home / "store")
    assert None not in kept
    assert [opened.record(task) for task in range(4)] == kept, "what was recorded is not computed again"
    often = Counter(task for task, _ in faults.begun(home))
    assert often[4] == 2, "what was in flight is begun again"
    # The scheduler may die with the news of the fourth task still on its way; its worker then finds the record.
    assert all(often[task] == 1 for task in range(12) if task not in (3, 4))
    assert chunks(opened) == undisturbed


def test_a_tls_address_without_certificates_is_one_line(tmp_path, grid_file):
    home = tmp_path / "bare"
    home.mkdir()
    ready_in(home, grid_file)
    arguments = ["sweep", home / "plan.yaml", "--grid", grid_file, "--out", home / "store"]
    code, output = finished_output(gridflops(*arguments, "--scheduler", "tls://127.0.0.1:9"))
    assert (code, output.count("\n")) == (1, 1), output
    assert "--tls-ca" in output
