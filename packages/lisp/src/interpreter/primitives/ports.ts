/** Input, output, files, time and the process: R7RS §6.13, §6.14. */
import { char, EOF, MString, textOf, UNSPECIFIED, list, Pair, Flonum } from "../../datum/datum.ts";
import { Condition, SchemeError, wrongType } from "../../datum/condition.ts";
import { Reader } from "../../reader/reader.ts";
import { type WriteMode, writeText } from "../../reader/writer.ts";
import { ExitRequest, type Machine, Parameter } from "../machine.ts";
import { writeObject } from "../print-object.ts";
import { BinaryInputPort, BinaryOutputPort, isPort, type Port, TextInputPort, TextOutputPort } from "../ports.ts";
import type { System } from "../system.ts";
import { byteOf, bytesOf, charOf, countOf, define, rangeOf, stringOf, type Table } from "./operands.ts";

/** The standard ports of a program. */
export interface StandardPorts {
  readonly input: Parameter;
  readonly output: Parameter;
  readonly error: Parameter;
}

export function makeStandardPorts(system: System): StandardPorts {
  const output = new TextOutputPort("standard output", system.standardOutput);
  // What was asked is shown before an answer is awaited.
  const input = TextInputPort.ofBytes(
    "standard input",
    () => {
      output.flush();
      return system.standardInput();
    },
    () => {},
    () => system.isInputReady(),
  );
  return {
    input: new Parameter(input, false),
    output: new Parameter(output, false),
    error: new Parameter(new TextOutputPort("standard error", system.standardError), false),
  };
}

export function definePorts(table: Table, machine: Machine, system: System, standard: StandardPorts): void {
  const current = (parameter: Parameter): unknown => machine.parameterValue(parameter);
  const textInput = (who: string, port: unknown): TextInputPort => {
    const own = port === undefined ? current(standard.input) : port;
    if (!(own instanceof TextInputPort)) throw wrongType(who, "a textual input port", own);
    own.checkOpen();
    return own;
  };
  const binaryInput = (who: string, port: unknown): BinaryInputPort => {
    const own = port === undefined ? current(standard.input) : port;
    if (!(own instanceof BinaryInputPort)) throw wrongType(who, "a binary input port", own);
    own.checkOpen();
    return own;
  };
  const textOutput = (who: string, port: unknown): TextOutputPort => {
    const own = port === undefined ? current(standard.output) : port === true ? current(standard.output) : port;
    if (!(own instanceof TextOutputPort)) throw wrongType(who, "a textual output port", own);
    own.checkOpen();
    return own;
  };
  const binaryOutput = (who: string, port: unknown): BinaryOutputPort => {
    const own = port === undefined ? current(standard.output) : port;
    if (!(own instanceof BinaryOutputPort)) throw wrongType(who, "a binary output port", own);
    own.checkOpen();
    return own;
  };
  const portOf = (who: string, port: unknown): Port => {
    if (!isPort(port)) throw wrongType(who, "a port", port);
    return port;
  };

  table.set("current-input-port", standard.input);
  table.set("current-output-port", standard.output);
  table.set("current-error-port", standard.error);

  define(table, "port?", 1, 1, (x: unknown) => isPort(x));
  define(table, "input-port?", 1, 1, (x: unknown) => x instanceof TextInputPort || x instanceof BinaryInputPort);
  define(table, "output-port?", 1, 1, (x: unknown) => x instanceof TextOutputPort || x instanceof BinaryOutputPort);
  define(table, "textual-port?", 1, 1, (x: unknown) => x instanceof TextInputPort || x instanceof TextOutputPort);
  define(table, "binary-port?", 1, 1, (x: unknown) => x instanceof BinaryInputPort || x instanceof BinaryOutputPort);
  for (const name of ["input-port-open?", "output-port-open?"] as const) {
    define(table, name, 1, 1, (x: unknown) => {
      const port = portOf(name, x),
        isInput = port instanceof TextInputPort || port instanceof BinaryInputPort;
      // A port that cannot do it is not open for it: R7RS §6.13.1.
      return isInput === (name === "input-port-open?") && port.isOpen;
    });
  }
  for (const name of ["close-port", "close-input-port", "close-output-port"]) {
    define(table, name, 1, 1, (x: unknown) => {
      const port = portOf(name, x),
        isInput = port instanceof TextInputPort || port instanceof BinaryInputPort;
      if (name !== "close-port" && isInput !== (name === "close-input-port"))
        throw wrongType(name, name === "close-input-port" ? "an input port" : "an output port", x);
      port.close();
      return UNSPECIFIED;
    });
  }
  define(table, "open-input-string", 1, 1, (x: unknown) =>
    TextInputPort.ofCodes([...stringOf("open-input-string", x).codes]),
  );
  define(table, "open-output-string", 0, 0, () => new TextOutputPort("string", null));
  define(table, "get-output-string", 1, 1, (x: unknown) => {
    if (!(x instanceof TextOutputPort) || !x.isString)
      throw wrongType("get-output-string", "a port made by open-output-string", x);
    return MString.of(x.text);
  });
  define(table, "open-input-bytevector", 1, 1, (x: unknown) =>
    BinaryInputPort.ofBytes(bytesOf("open-input-bytevector", x).slice()),
  );
  define(table, "open-output-bytevector", 0, 0, () => new BinaryOutputPort("bytevector", null));
  define(table, "get-output-bytevector", 1, 1, (x: unknown) => {
    if (!(x instanceof BinaryOutputPort) || !x.isBytevector)
      throw wrongType("get-output-bytevector", "a port made by open-output-bytevector", x);
    return x.bytes;
  });

  define(table, "read-char", 0, 1, (port: unknown) => characterOf(textInput("read-char", port).next()));
  define(table, "peek-char", 0, 1, (port: unknown) => characterOf(textInput("peek-char", port).peek()));
  define(table, "char-ready?", 0, 1, (port: unknown) => {
    textInput("char-ready?", port);
    return true;
  });
  define(table, "read-line", 0, 1, (port: unknown) => {
    const input = textInput("read-line", port);
    if (input.peek() < 0) return EOF;
    const codes: number[] = [];
    for (let code = input.next(); code >= 0 && code !== 10; code = input.next()) {
      // A return before a line feed is a part of the line's end; alone it ends a line as well.
      if (code === 13) {
        if (input.peek() === 10) input.next();
        break;
      }
      codes.push(code);
    }
    return new MString(codes);
  });
  define(table, "read-string", 1, 2, (count: unknown, port: unknown) => {
    const [wanted, from] = count instanceof TextInputPort ? [port, count] : [count, port];
    const input = textInput("read-string", from);
    const codes: number[] = [];
    for (let left = countOf("read-string", wanted); left > 0; left--) {
      const code = input.next();
      if (code < 0) return codes.length === 0 ? EOF : new MString(codes);
      codes.push(code);
    }
    return new MString(codes);
  });
  define(table, "read", 0, 1, (port: unknown) => {
    const input = textInput("read", port);
    // What `read` gives is the program's own: strings in it may be changed.
    input.reader ??= new Reader(input, { isMutable: true });
    return input.reader.read();
  });
  define(table, "read-u8", 0, 1, (port: unknown) => byteOrEnd(binaryInput("read-u8", port).next()));
  define(table, "peek-u8", 0, 1, (port: unknown) => byteOrEnd(binaryInput("peek-u8", port).peek()));
  define(table, "u8-ready?", 0, 1, (port: unknown) => {
    binaryInput("u8-ready?", port);
    return true;
  });
  define(
    table,
    "read-bytevector",
    1,
    2,
    (count: unknown, port: unknown) =>
      binaryInput("read-bytevector", port).take(countOf("read-bytevector", count)) ?? EOF,
  );
  define(table, "read-bytevector!", 1, 4, (x: unknown, port: unknown, start: unknown, end: unknown) => {
    const target = bytesOf("read-bytevector!", x),
      [from, to] = rangeOf("read-bytevector!", start, end, target.length);
    const taken = binaryInput("read-bytevector!", port).take(to - from);
    if (taken === null) return EOF;
    target.set(taken, from);
    return taken.length;
  });

  const writer = (name: string, mode: WriteMode): void =>
    define(table, name, 1, 2, (x: unknown, port: unknown) => {
      textOutput(name, port).write(writeText(x, mode, writeObject));
      return UNSPECIFIED;
    });
  writer("write", "write");
  writer("display", "display");
  writer("write-shared", "shared");
  writer("write-simple", "simple");
  define(table, "newline", 0, 1, (port: unknown) => {
    textOutput("newline", port).write("\n");
    return UNSPECIFIED;
  });
  define(table, "fresh-line", 0, 1, (port: unknown) => {
    const output = textOutput("fresh-line", port);
    if (output.column > 0) output.write("\n");
    return UNSPECIFIED;
  });
  define(table, "write-char", 1, 2, (x: unknown, port: unknown) => {
    textOutput("write-char", port).write(String.fromCodePoint(charOf("write-char", x).code));
    return UNSPECIFIED;
  });
  define(table, "write-string", 1, 4, (x: unknown, port: unknown, start: unknown, end: unknown) => {
    const { codes } = stringOf("write-string", x);
    textOutput("write-string", port).write(textOf(codes, ...rangeOf("write-string", start, end, codes.length)));
    return UNSPECIFIED;
  });
  define(table, "write-u8", 1, 2, (x: unknown, port: unknown) => {
    binaryOutput("write-u8", port).write(Uint8Array.of(byteOf("write-u8", x)));
    return UNSPECIFIED;
  });
  define(table, "write-bytevector", 1, 4, (x: unknown, port: unknown, start: unknown, end: unknown) => {
    const bytes = bytesOf("write-bytevector", x);
    binaryOutput("write-bytevector", port).write(bytes.slice(...rangeOf("write-bytevector", start, end, bytes.length)));
    return UNSPECIFIED;
  });
  define(table, "flush-output-port", 0, 1, (port: unknown = current(standard.output)) => {
    if (!(port instanceof TextOutputPort) && !(port instanceof BinaryOutputPort))
      throw wrongType("flush-output-port", "an output port", port);
    port.flush();
    return UNSPECIFIED;
  });
  table.set("flush-output", table.get("flush-output-port"));

  const fileError = (error: unknown, path: string): SchemeError => {
    if (!(error instanceof Error)) throw error;
    return new SchemeError(new Condition("file", error.message, [MString.of(path)]));
  };
  const withPath = <T>(who: string, value: unknown, operate: (path: string) => T): T => {
    const path = stringOf(who, value).toString();
    try {
      return operate(path);
    } catch (error) {
      throw fileError(error, path);
    }
  };
  define(table, "open-input-file", 1, 1, (x: unknown) =>
    withPath("open-input-file", x, (path) => {
      const file = system.openInput(path);
      return TextInputPort.ofBytes(path, file.pull, () => file.close());
    }),
  );
  define(table, "open-binary-input-file", 1, 1, (x: unknown) =>
    withPath("open-binary-input-file", x, (path) => {
      const file = system.openInput(path);
      return new BinaryInputPort(path, file.pull, () => file.close());
    }),
  );
  define(table, "open-output-file", 1, 2, (x: unknown, append: unknown = false) =>
    withPath(
      "open-output-file",
      x,
      (path) => new TextOutputPort(path, system.openOutput(path, { append: append !== false })),
    ),
  );
  define(table, "open-binary-output-file", 1, 2, (x: unknown, append: unknown = false) =>
    withPath(
      "open-binary-output-file",
      x,
      (path) => new BinaryOutputPort(path, system.openOutput(path, { append: append !== false })),
    ),
  );
  define(table, "file-exists?", 1, 1, (x: unknown) => withPath("file-exists?", x, (path) => system.fileExists(path)));
  define(table, "delete-file", 1, 1, (x: unknown) =>
    withPath("delete-file", x, (path) => {
      system.deleteFile(path);
      return UNSPECIFIED;
    }),
  );

  define(table, "current-second", 0, 0, () => new Flonum(system.currentSecond()));
  define(table, "current-jiffy", 0, 0, () => Math.round(system.currentJiffy()));
  define(table, "jiffies-per-second", 0, 0, () => 1_000_000);
  define(table, "command-line", 0, 0, () => list(system.commandLine.map((word) => MString.of(word))));
  define(table, "get-environment-variable", 1, 1, (x: unknown) => {
    const value = system.environmentVariable(stringOf("get-environment-variable", x).toString());
    return value === undefined ? false : MString.of(value);
  });
  define(table, "get-environment-variables", 0, 0, () =>
    list(system.environmentVariables().map(([name, value]) => new Pair(MString.of(name), MString.of(value)))),
  );
  define(table, "emergency-exit", 0, 1, (status: unknown) => {
    throw new ExitRequest(statusOf(status));
  });
  define(table, "%exit", 1, 1, (status: unknown) => {
    throw new ExitRequest(statusOf(status));
  });
}

/** #t and nothing: 0; #f: 1; an integer: its low eight bits. */
function statusOf(status: unknown): number {
  if (status === undefined || status === true || status === UNSPECIFIED) return 0;
  return typeof status === "number" ? status & 0xff : 1;
}

function characterOf(code: number): unknown {
  return code < 0 ? EOF : char(code);
}

function byteOrEnd(byte: number): unknown {
  return byte < 0 ? EOF : byte;
}
