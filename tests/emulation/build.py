"""Build a .cu file for the CPU: the unmodified source, the shim before it, one C function per kernel behind it."""

from __future__ import annotations

import ctypes
import hashlib
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path

import cuda_kernels

SHIM = Path(__file__).parent / "shim"
INCLUDE = Path(cuda_kernels.__file__).parent
PLAIN = ("-O2",)
ADDRESS = ("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=undefined")
THREAD = ("-O1", "-g", "-fsanitize=thread")
# Without -fno-gnu-unique all libraries of a process would share the shared memory of the one loaded first.
_ALWAYS = ("-std=c++17", "-fPIC", "-ffp-contract=off", "-fno-gnu-unique", "-Wall", "-Werror", "-Wno-unknown-pragmas")
_DYNAMIC = re.compile(r"extern __shared__ ([\w ]+?)\s+(\w+)\[\]")
_CAPACITY = 64 * 1024
_FOLDER = Path(tempfile.gettempdir()) / "gridflops-emulation"

compiler = shutil.which("g++")


class Refused(Exception):
    """g++ does not take the source. No RuntimeError: a mutant that does not compile is not killed, it is no mutant."""


def wrapper(text: str, names: tuple[str, ...]) -> str:
    """C++ that holds the kernels, and for each of them a launcher and a description of its parameters."""
    dynamic = sorted(set(_DYNAMIC.findall(text)))
    if len(dynamic) > 1:
        raise ValueError(f"one dynamic shared array a file, please: {dynamic}")
    parts = [text]
    memory = "nullptr, 0"
    if dynamic:
        kind, name = dynamic[0]
        parts.append(f"alignas(16) thread_local {kind} {name}[{_CAPACITY} / sizeof({kind})];")
        memory = f"reinterpret_cast<unsigned char*>({name}), sizeof({name})"
    for number, name in enumerate(names):
        parts.append(
            f'extern "C" const char* emu_launch_{number}(const unsigned* size, size_t shared, int order, unsigned seed,'
            " void** arguments) {\n"
            "    return emu::start({{size[0], size[1], size[2]}, {size[3], size[4], size[5]}, shared, order, seed, "
            f"{memory}}}, &{name}, arguments);\n}}\n"
            f'extern "C" const char* emu_signature_{number}() {{ return emu::signature(&{name}); }}'
        )
    return "\n".join(parts) + "\n"


def compile_library(text: str, names: tuple[str, ...], flags: tuple[str, ...] = PLAIN) -> Path:
    """Shared library of some kernels; kept between runs under the hash of everything that went into it."""
    code = wrapper(text, names)
    key = hashlib.sha256("\0".join([code, *flags, *_headers()]).encode()).hexdigest()[:24]
    library = _FOLDER / f"{key}.so"
    if library.exists():
        return library
    runtime = _object(SHIM / "runtime.cpp", flags)
    with tempfile.TemporaryDirectory(dir=_FOLDER) as folder:
        main = Path(folder) / "kernel.cpp"
        main.write_text(code)
        out = Path(folder) / "kernel.so"
        _gpp(flags, ["-shared", str(main), str(runtime), "-ldl", "-o", str(out)])
        out.replace(library)
    return library


def _object(file: Path, flags: tuple[str, ...]) -> Path:
    """The scheduler is the same for all kernels: compiled once."""
    _FOLDER.mkdir(exist_ok=True)
    text = "\0".join([file.name, *flags, *_headers()])
    built = _FOLDER / f"{hashlib.sha256(text.encode()).hexdigest()[:24]}.o"
    if not built.exists():
        with tempfile.TemporaryDirectory(dir=_FOLDER) as folder:
            out = Path(folder) / "runtime.o"
            # The scheduler hands fibers on without telling ThreadSanitizer, which must watch the kernel alone.
            own = [*flags, "-fno-sanitize=thread", "-DEMU_THREAD"] if flags == THREAD else flags
            _gpp(own, ["-c", str(file), "-o", str(out)])
            out.replace(built)
    return built


def _shim(flags: tuple[str, ...]) -> Path:
    """A header that includes the shim, and beside it what g++ makes of it: reading it costs more than most kernels."""
    folder = _FOLDER / hashlib.sha256("\0".join(["shim", *flags, *_headers()]).encode()).hexdigest()[:24]
    if not folder.exists():
        with tempfile.TemporaryDirectory(dir=_FOLDER) as fresh:
            built = Path(fresh) / "shim"
            built.mkdir()
            (built / "shim.h").write_text('#include "cuda_shim.h"\n')
            _run([*flags, "-x", "c++-header", str(built / "shim.h"), "-o", str(built / "shim.h.gch")])
            with suppress(OSError):  # another process was first
                built.rename(folder)
    return folder / "shim.h"


def _gpp(flags: Iterable[str], arguments: list[str]) -> None:
    _run([*flags, "-include", str(_shim(tuple(flags))), *arguments])


def _run(arguments: list[str]) -> None:
    command = [str(compiler), *_ALWAYS, f"-I{SHIM}", f"-I{INCLUDE}", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Refused(f"g++ refuses the kernel:\n{done.stderr[:4000]}")


def compile_program(text: str, name: str, flags: tuple[str, ...]) -> Path:
    """A program that launches one kernel (main.cpp), for the sanitizers."""
    code = wrapper(text, (name,))
    key = hashlib.sha256("\0".join([code, "program", *flags, *_headers()]).encode()).hexdigest()[:24]
    program = _FOLDER / key
    if not program.exists():
        runtime, main = (_object(SHIM / file, flags) for file in ("runtime.cpp", "main.cpp"))
        with tempfile.TemporaryDirectory(dir=_FOLDER) as folder:
            kernel, out = Path(folder) / "kernel.cpp", Path(folder) / "program"
            kernel.write_text(code)
            _gpp(flags, [str(kernel), str(runtime), str(main), "-ldl", "-o", str(out)])
            out.replace(program)
    return program


def _headers() -> list[str]:
    """What goes into every build beside the kernel itself."""
    return [*_ALWAYS, *(file.read_text() for file in (*sorted(SHIM.iterdir()), *sorted(INCLUDE.glob("*.cuh"))))]


@cache
def load(text: str, names: tuple[str, ...], flags: tuple[str, ...] = PLAIN) -> ctypes.CDLL:
    """The library in this process."""
    library = ctypes.CDLL(str(compile_library(text, names, flags)))
    for number in range(len(names)):
        getattr(library, f"emu_launch_{number}").restype = ctypes.c_char_p
        getattr(library, f"emu_signature_{number}").restype = ctypes.c_char_p
    return library
