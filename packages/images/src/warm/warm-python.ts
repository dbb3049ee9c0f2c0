/**
 * What makes `python3 -c CODE` wait once CODE has run, and then be the python3 that a run has asked for: with that
 * one's arguments, folder and environment, in a `__main__` as new. What it cannot be (options, an archive, no program
 * at all) it executes: the result is the same, only later.
 *
 * It is read by Python and shown by nobody, so that its comments stand here. Descriptor 3 gives the request
 * (warm-request.ts), once. Chance that was seeded before the machine was saved is seeded again. Tracebacks leave this
 * program's own frames out, and show the lines of the one that was asked for (linecache, from Python 3.13 on). What the
 * collector would walk at the end of each run, and never free, it is told to leave alone (gc.freeze).
 */
export const WARM_PYTHON = `
def wait():
    import gc, os, sys
    space = sys.modules["__main__"].__dict__
    del space["wait"]
    kept = dict(space)
    code = sys.argv.pop(1)
    exec(compile(code, "<string>", "exec"), space)
    space.clear()
    space.update(kept)
    gc.collect()
    gc.freeze()
    request = b""
    while part := os.read(3, 65536):
        request += part
    os.close(3)
    count, *words = request.split(b"\\0")[:-1]
    argv = [os.fsdecode(word) for word in words[:int(count)]]
    given = dict(word.split(b"=", 1) for word in words[int(count):])
    for name in set(os.environb) - set(given):
        del os.environb[name]
    os.environb.update(given)
    kind = argv[1] if len(argv) > 1 else ""
    source = b""
    if kind in ("-c", "-m") and len(argv) > 2:
        pass
    elif kind and kind[0] != "-":
        try:
            with open(kind, "rb") as file:
                source = file.read()
        except OSError:
            kind = ""
        if b"\\0" in source or source[:2] == b"PK":
            kind = ""
    else:
        kind = ""
    if not kind:
        os.execv(sys.executable, argv)
    for name in ("random", "numpy.random"):
        if name in sys.modules:
            sys.modules[name].seed()
    if "tempfile" in sys.modules:
        sys.modules["tempfile"]._name_sequence = None
    sys.stdout.reconfigure(line_buffering=os.isatty(1))
    sys.orig_argv = argv
    own = (sys._getframe().f_code, sys._getframe(1).f_code)
    def excepthook(kind, value, trace):
        while trace is not None and trace.tb_frame.f_code in own:
            trace = trace.tb_next
        value.__traceback__ = trace
        sys.__excepthook__(kind, value, trace)
    sys.excepthook = excepthook
    lines = sys.modules.get("linecache")
    if hasattr(lines, "_interactive_cache"):
        lines._interactive_cache.clear()
    if kind == "-m":
        import runpy
        sys.argv = argv[1:2] + argv[3:]
        sys.path[0] = os.getcwd()
        return runpy._run_module_as_main(argv[2])
    if kind == "-c":
        sys.argv = argv[1:2] + argv[3:]
        program = compile(argv[2], "<string>", "exec", 0, True)
        if hasattr(lines, "_register_code"):
            lines._register_code(program, argv[2], "<string>")
        return exec(program, space)
    from importlib.machinery import SourceFileLoader
    path = os.path.join(os.getcwd(), kind)
    sys.argv = argv[1:]
    sys.path[0] = os.path.dirname(os.path.realpath(path))
    space.update(__file__=path, __cached__=None, __loader__=SourceFileLoader("__main__", path))
    exec(compile(source, path, "exec", 0, True), space)
wait()
`;
