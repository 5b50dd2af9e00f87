# The program of a python-repl session. It reads lines of JSON from its first stdin:
#
#   {"maxOutput": n}   once, first: how many bytes of output a turn may make
#   {"code": "..."}    one turn
#   {"ping": true}     answered when nothing runs
#
# and writes lines of JSON to its first stdout: ready, begun, stdout, stderr, done, pong. Both are moved out of the way before any code of
# the user runs. In their place come an empty stdin, and two pipes for output, so that whatever is written to stdout and stderr, by
# print(), by C code or by child processes, arrives as output and as nothing else. SIGINT interrupts the code of the turn.
#
# It runs in a process of its own and takes nothing from greenroom, and nothing but the standard library.
import sys

if sys.version_info < (3, 8):
    sys.stderr.write('python-repl needs Python 3.8 or later, and this is %d.%d (%s)\n' % (sys.version_info[:2] + (sys.executable,)))
    sys.exit(1)

import array
import ast
import atexit
import codecs
import fcntl
import json
import linecache
import math
import os
import select
import signal
import termios
import threading
import traceback
import types

# What the user's code changes in these modules must not break the conversation.
loads = json.loads
dumps = json.JSONEncoder(ensure_ascii=True, allow_nan=False, separators=(',', ':')).encode
os_read, os_write, os_exit, getpid = os.read, os.write, os._exit, os.getpid
format_exception = traceback.format_exception

# Names of cells whose source is kept for tracebacks.
CELLS_KEPT = 500
# inspect.CO_COROUTINE: the code awaits at its top level.
CO_COROUTINE = 128
# JavaScript has no larger whole numbers.
SAFE_INTEGER = 2 ** 53 - 1
READ_BYTES = 65536


class Wire(object):
    """The connection to the host."""

    def __init__(self):
        self.input = os.dup(0)
        self.output = os.dup(1)
        self.lock = threading.Lock()
        self.begun = b''

    def send(self, **message):
        data = (dumps(message) + '\n').encode('ascii')
        with self.lock:
            while data:
                try:
                    data = data[os_write(self.output, data):]
                except OSError:
                    # The host is gone.
                    os_exit(0)

    def receive(self):
        """The next message; ends the process at the end of the input."""
        while True:
            line, newline, rest = self.begun.partition(b'\n')
            if newline:
                self.begun = rest
                return loads(line.decode('utf-8'))
            chunk = os_read(self.input, READ_BYTES)
            if not chunk:
                os_exit(0)
            self.begun += chunk


class Pipe(object):
    """One of the two streams of output: takes the place of `fd`."""

    def __init__(self, name, fd):
        self.name = name
        self.reader, writer = os.pipe()
        os.dup2(writer, fd)
        os.close(writer)
        self.decoder = codecs.getincrementaldecoder('utf-8')('replace')

    def waiting(self):
        """How many bytes are in it."""
        count = array.array('i', [0])
        fcntl.ioctl(self.reader, termios.FIONREAD, count)
        return count[0]

    def read(self, size, final=False):
        return self.decoder.decode(os_read(self.reader, size) if size else b'', final)


class Output(object):
    """All that the process puts out, sent on as it comes; of one turn, and between two, no more than `limit` bytes."""

    def __init__(self, wire):
        self.wire = wire
        self.pipes = [Pipe('stdout', 1), Pipe('stderr', 2)]
        self.lock = threading.Lock()
        self.limit = self.room = 0
        self.truncated = False

    def fresh(self):
        self.room = self.limit
        self.truncated = False

    def send(self, name, text):
        if not text:
            return
        fits = clip(text, self.room)
        if len(fits) < len(text):
            self.truncated = True
        self.room -= byte_length(fits)
        if fits:
            self.wire.send(type=name, text=fits)

    def drain(self):
        """Sends what was put out until now; returns whether there was more than fits."""
        with self.lock:
            for pipe in self.pipes:
                left = pipe.waiting()
                while left > 0:
                    size = min(left, READ_BYTES)
                    self.send(pipe.name, pipe.read(size))
                    left -= size
                # A character that was begun and not ended is no part of what comes next.
                self.send(pipe.name, pipe.read(0, final=True))
            truncated = self.truncated
            self.fresh()
            return truncated

    def watch(self):
        """In a thread of its own: passes output on, and ends the process when the host hangs up, whatever the code is doing."""
        poll = select.poll()
        for pipe in self.pipes:
            poll.register(pipe.reader, select.POLLIN)
        poll.register(self.wire.input, getattr(select, 'POLLRDHUP', 0))
        while True:
            for fd, _event in poll.poll():
                if fd == self.wire.input:
                    os_exit(0)
                with self.lock:
                    for pipe in self.pipes:
                        if pipe.reader == fd:
                            self.send(pipe.name, pipe.read(min(pipe.waiting(), READ_BYTES)))


class Interrupts(object):
    """Turns SIGINT into a KeyboardInterrupt of the running turn, and into nothing while none runs."""

    def __init__(self):
        self.state = 'idle'
        self.pending = False
        signal.signal(signal.SIGINT, self.handle)

    def handle(self, _number, _frame):
        if self.state == 'running':
            raise KeyboardInterrupt()
        self.pending = self.state == 'starting'

    def start(self):
        self.pending = False
        self.state = 'starting'

    def run(self):
        self.state = 'running'
        if self.pending:
            raise KeyboardInterrupt()


def byte_length(text):
    return len(text.encode('utf-8', 'surrogatepass'))


def clip(text, size):
    """As much of the text as fits in so many bytes, in whole characters."""
    if len(text) * 4 <= size or byte_length(text) <= size:
        return text
    return text[:size].encode('utf-8', 'surrogatepass')[:size].decode('utf-8', 'ignore')


def is_plain(value, depth=0):
    """Whether JSON, and JavaScript, can carry the value as it is. Too deep counts as not, which also ends cycles."""
    kind = type(value)
    if value is None or kind is str or kind is bool:
        return True
    if kind is int:
        return -SAFE_INTEGER <= value <= SAFE_INTEGER
    if kind is float:
        return math.isfinite(value)
    if depth > 100:
        return False
    if kind is list:
        return all(is_plain(item, depth + 1) for item in value)
    if kind is dict:
        return all(type(key) is str and is_plain(item, depth + 1) for key, item in value.items())
    return False


class Interpreter(object):
    """The user's module, and what is done in it."""

    def __init__(self, limit):
        self.limit = limit
        self.count = 0
        self.loop = None
        self.names = []
        # As in Python's own interpreter: what code defines is in __main__.
        self.module = types.ModuleType('__main__')
        self.module.__builtins__ = __builtins__
        sys.modules['__main__'] = self.module

    def run(self, code):
        """Runs one turn's code; what came of it, as fields of the answer."""
        self.count += 1
        name = '<request %d>' % self.count
        self.keep(name, code)
        tree = compile(code, name, 'exec', ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, True)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        if tree.body:
            self.execute(compile(tree, name, 'exec', ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, True))
        if last is None:
            return {}
        return self.describe(self.execute(compile(ast.Expression(last.value), name, 'eval', ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, True)))

    def keep(self, name, code):
        """Tracebacks show lines of the code, also those of functions that earlier turns defined."""
        linecache.cache[name] = (len(code), None, code.splitlines(True), name)
        self.names.append(name)
        if len(self.names) > CELLS_KEPT:
            linecache.cache.pop(self.names.pop(0), None)

    def execute(self, compiled):
        value = eval(compiled, self.module.__dict__)
        if compiled.co_flags & CO_COROUTINE:
            return self.wait_for(value)
        return value

    def wait_for(self, coroutine):
        """Top-level await. Tasks that the code has left go on whenever a later turn waits."""
        # Not before it is needed: it takes longer to load than all the rest.
        import asyncio
        if self.loop is None or self.loop.is_closed():
            self.loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self.loop)
        task = self.loop.create_task(coroutine)
        try:
            return self.loop.run_until_complete(task)
        except BaseException:
            if not task.done():
                task.cancel()
                self.loop.run_until_complete(asyncio.wait([task], timeout=1))
            raise

    def describe(self, value):
        """`value` when JSON can carry it as it is, else `inspected`: its repr."""
        if value is None:
            return {}
        try:
            if is_plain(value):
                text = dumps(value)
                if len(text) <= self.limit:
                    return {'value': value}
            text = repr(value)
            inspected = clip(text, self.limit)
            return {'inspected': inspected, 'truncated': True} if len(inspected) < len(text) else {'inspected': inspected}
        except Exception as error:
            return {'inspected': "[a value that can't be shown: %s]" % self.describe_error(error)['message']}

    def describe_error(self, error):
        kind = type(error)
        name = kind.__name__
        try:
            message = 'The code was interrupted' if kind is KeyboardInterrupt else str(error)
        except Exception:
            message = "an error that can't be shown"
        found = {'name': name, 'message': clip(message, self.limit)}
        try:
            frames = error.__traceback__
            # What is above the code's own frames is this file, and the event loop.
            while frames is not None and not frames.tb_frame.f_code.co_filename.startswith('<request '):
                frames = frames.tb_next
            found['stack'] = clip(''.join(format_exception(kind, error, frames)), self.limit)
        except Exception:
            pass
        return found


def flush():
    for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        try:
            stream.flush()
        except Exception:
            pass


def exit_code(error):
    if error.code is None:
        return 0
    if isinstance(error.code, int):
        return error.code & 255
    sys.stderr.write('%s\n' % (error.code,))
    return 1


def leave(code, output):
    """As Python itself ends, but for threads: it would wait for those that the code has left running."""
    try:
        atexit._run_exitfuncs()
    except BaseException:
        traceback.print_exc()
    flush()
    output.drain()
    os_exit(code)


def main():
    wire = Wire()
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    interrupts = Interrupts()
    output = Output(wire)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding='utf-8', errors='backslashreplace', write_through=True)
    # As in Python's own interpreter: modules are found in the working directory.
    sys.path[0] = ''
    sys.argv = ['']

    first = wire.receive()
    output.limit = first['maxOutput']
    output.fresh()
    interpreter = Interpreter(output.limit)
    # Signals go to the main thread, which answers the ping that asks whether they have arrived.
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    watcher = threading.Thread(target=output.watch, name='output')
    watcher.daemon = True
    watcher.start()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    pid = getpid()
    wire.send(type='ready', version='.'.join(str(part) for part in sys.version_info[:3]))

    while True:
        message = wire.receive()
        if 'ping' in message:
            wire.send(type='pong')
            continue
        interrupts.start()
        wire.send(type='begun')
        leaving = None
        try:
            try:
                interrupts.run()
                outcome = interpreter.run(message['code'])
            finally:
                interrupts.state = 'idle'
        except SystemExit as error:
            leaving = error
        except BaseException as error:
            interrupts.state = 'idle'
            outcome = {'error': interpreter.describe_error(error)}
        flush()
        if getpid() != pid:
            # A fork of the user's that has come to the end of the code.
            os_exit(0)
        if leaving is not None:
            leave(exit_code(leaving), output)
        if output.drain():
            outcome['truncated'] = True
        wire.send(type='done', **outcome)


main()
