/**
 * A sandbox whose one program is recorded: a machine made as `stratos run --record` makes it, so that both are replayed
 * alike. What else would come in from outside is no call of it (EngineServer).
 */
import { SIGNAL_NAMES } from "@stratos/abi";
import { utf8ToByteString } from "@stratos/base";
import type { SocketProvider } from "@stratos/host";
import { openHostInput, openHostOutput } from "@stratos/kernel";
import {
  EXIT_TIMEOUT,
  exitStatusOf,
  findGuestUser,
  guestEnvironment,
  MachineSession,
  type ProgramEnd as SessionEnd,
  type ProgramRequest,
  readerOf,
  ImageReads,
  Recorder,
  writeResolverConfiguration,
} from "@stratos/session";
import { type LimitName, type ProgramEnd, StratosError } from "./api.ts";
import type { EngineHost, OpenedImage, RecordingDraft, ReservedRecording, Work } from "./engine-host.ts";
import type { GoingCall } from "./going-call.ts";
import { checkDuration } from "./check-options.ts";
import { argvOf, checkMachineOptions, wrong } from "./machine-options.ts";
import type { ProgramListener } from "./machine-program.ts";
import { closeAll } from "./open-parts.ts";
import { PolicySockets } from "./policy-sockets.ts";
import { ChannelInput, ChannelOutput } from "./program-streams.ts";
import { type CreateRequest, MEMORY_BYTES, type Place, type RunRequest } from "./protocol.ts";
import { wrongSecret } from "./secret-stand-ins.ts";

const EXIT_KILLED = 137;
/** What cannot be said of a sandbox that is recorded, beside what is set to nothing. */
const REFUSED = ["board", "checkpoint", "hostname", "isSaved", "limits", "timeoutMs"] as const;

export class RecordedSandbox {
  readonly #host: EngineHost;
  readonly #file: ReservedRecording;
  readonly #request: CreateRequest;
  readonly #image: OpenedImage;
  readonly #reads: ImageReads;
  readonly #memoryBytes: number;
  #draft: RecordingDraft | null = null;
  #recorder: Recorder | null = null;
  #session: MachineSession | null = null;
  /** Of its program, by number. */
  #sendSignal: ((signal: number) => void) | null = null;
  #pid = 0;
  /** Its program was started, or could not be: its files may have changed. */
  #hasBegun = false;
  #isClosed = false;
  /** Why its program ends, when it does not by itself. */
  #limit: LimitName | null = null;

  private constructor(
    host: EngineHost,
    parts: {
      readonly file: ReservedRecording;
      readonly image: OpenedImage;
      readonly reads: ImageReads;
      readonly memoryBytes: number;
    },
    request: CreateRequest,
  ) {
    this.#host = host;
    this.#file = parts.file;
    this.#image = parts.image;
    this.#reads = parts.reads;
    this.#memoryBytes = parts.memoryBytes;
    this.#request = request;
  }

  /** @throws StratosError */
  static async open(
    host: EngineHost,
    request: CreateRequest & { readonly record: Place },
    work: Work,
  ): Promise<RecordedSandbox> {
    const { recordings } = host;
    if (recordings === undefined) throw refused("record", "nothing is recorded here");
    for (const name of REFUSED)
      if (request[name] !== undefined && request[name] !== false) throw refused(name, "not of what is recorded");
    if ((request.volumes ?? []).length > 0) throw refused("volumes", "not of what is recorded");
    const { memoryBytes = MEMORY_BYTES } = request;
    checkMachineOptions({ ...request, memoryBytes });
    const reads = new ImageReads();
    const file = await recordings.reserve(request.record);
    try {
      const image = await host.openImage(request, { cloneBytes: memoryBytes, changes: null, reads }, work);
      return new RecordedSandbox(host, { file, image, reads, memoryBytes }, request);
    } catch (error) {
      file.release();
      throw error;
    }
  }

  /** Its file appears. Once. @param typed  what it reads first. @throws StratosError, SessionError */
  start(request: RunRequest, listener: ProgramListener, typed: Uint8Array): GoingCall {
    if (this.#hasBegun || this.#isClosed) throw refused("record", "a recording is of one program");
    if (request.tty !== undefined) throw refused("tty", "a program that is recorded has none");
    checkDuration("timeoutMs", request.timeoutMs);
    const program = this.#programOf(request);
    this.#hasBegun = true;
    const draft = this.#file.create();
    try {
      this.#draft = draft;
      return this.#run(program, request, listener, typed);
    } catch (error) {
      this.#recorder?.stop();
      draft.discard();
      this.#draft = null;
      this.#session?.close();
      this.#session = null;
      throw error;
    }
  }

  #programOf({ command, cwd = "/", env, user: name = "root" }: RunRequest): ProgramRequest {
    const argv = argvOf(command).map(utf8ToByteString);
    if (!cwd.startsWith("/") || cwd.includes("\0")) throw wrong("cwd", "an absolute path");
    const user = findGuestUser(readerOf(this.#image.volume.root), name);
    const settings = Object.entries(env).map(([name, value]) => ({ name, value }));
    const environment = guestEnvironment(user, settings, { isTerminal: false, host: {} });
    return { program: argv[0]!, argv, environment, workingDirectory: utf8ToByteString(cwd), user };
  }

  #run(program: ProgramRequest, request: RunRequest, listener: ProgramListener, typed: Uint8Array): GoingCall {
    const { ports, clock } = this.#host;
    const beganMs = ports.loop.nowMs();
    const { harts = 1, mounts = [], home } = this.#request;
    const { info, layers = 0, volume } = this.#image;
    const memoryBytes = this.#memoryBytes;
    const random = new Uint8Array(4);
    ports.random.fill(random);
    const seed = this.#request.seed ?? new DataView(random.buffer).getUint32(0) >>> 1;
    const network = this.#openNetwork();
    if (network !== null) writeResolverConfiguration(volume.root, network);
    // Certificates and what else the outside dates are of now; a seed asks for a time that is the same each time.
    const hasTimeOfDay = network !== null && this.#request.seed === undefined;
    const start = hasTimeOfDay ? { startMs: clock.realtimeMs() } : {};
    const { user: _, ...asked } = program;
    const recorder = new Recorder(
      {
        ...{ image: info.name, imageCreatedAt: info.createdAt, imageLayers: layers, ...asked },
        ...{ user: request.user ?? "root", seed, memoryBytes, harts, ...start, terminal: null, isErrorTerminal: false },
      },
      {
        folders: this.#host.hostFolders(mounts),
        network,
        image: { reads: this.#reads, volume },
        ...{ loop: ports.loop, codec: this.#file.codec, write: (bytes) => this.#draft!.write(bytes) },
      },
    );
    this.#recorder = recorder;
    const codeArchive = this.#request.codeCache === false ? undefined : this.#host.codeArchive?.(home);
    const session = new MachineSession({
      ...{ ports: { ...ports, codeArchive }, volume, memoryBytes, sockets: recorder.sockets, ...start },
      ...{ folders: recorder.folders, harts, seed, log: () => {} },
    });
    this.#session = session;
    const gate = recorder.attach(session);
    const input = new ChannelInput((count) => listener.onRead(count));
    input.push(typed);
    if (!request.hasInput) input.end();
    const outputs = ([1, 2] as const).map((stream) => new ChannelOutput((bytes) => listener.onOutput(stream, bytes)));
    const { kernel } = session.machine;
    const files = outputs.map((output, at) => openHostOutput(kernel, gate.streamOut(output, at === 0 ? 1 : 2)));
    this.#pid = session.start(program, [openHostInput(kernel, gate.streamIn(input)), ...files]);
    listener.onStarted(this.#pid);
    this.#sendSignal = (signal) => gate.sendSignal(signal);
    // Making the machine is of the program's time: its caller counts so.
    const leftMs = (timeoutMs: number): number => Math.max(1, timeoutMs - (ports.loop.nowMs() - beganMs));
    const cancelTimer =
      request.timeoutMs === undefined
        ? (): void => {}
        : ports.loop.callLater(leftMs(request.timeoutMs), () => this.#endFrom("timeout"));
    const ended = session
      .run()
      .then((end) => this.#ended(end))
      .finally(() => {
        cancelTimer();
        this.#finish();
        for (const output of outputs) output.finish();
      });
    // It may end with nobody there to hear of it.
    ended.catch(() => {});
    return { input, outputs, ended, kill: () => this.#endFrom(null) };
  }

  #openNetwork(): SocketProvider | null {
    const { network, net, ports = [] } = this.#request;
    if (net === undefined) return network === "host" ? this.#host.openNetwork(ports) : null;
    if (net.secrets !== undefined) throw wrongSecret("not with record: what is sent would not be what was recorded");
    const rules = { policy: net.policy ?? "deny", loop: this.#host.ports.loop, known: null };
    return new PolicySockets(this.#host.openNetwork(ports), rules, () => {});
  }

  #endFrom(limit: LimitName | null): void {
    this.#limit ??= limit;
    this.#session?.stop();
  }

  #ended(end: SessionEnd): ProgramEnd {
    const limit = this.#limit;
    if (this.#isClosed) throw new StratosError("closed", "the sandbox was closed", {});
    if (end.kind === "exited" || end.kind === "killed") {
      const exitCode = exitStatusOf(end);
      this.#recorder!.end(exitCode);
      const signal = end.kind === "killed" ? `SIG${SIGNAL_NAMES[end.signal] ?? end.signal}` : null;
      return { exitCode, signal, timedOut: false, limit: null };
    }
    const timedOut = limit === "timeout";
    return { exitCode: timedOut ? EXIT_TIMEOUT : EXIT_KILLED, signal: "SIGKILL", timedOut, limit };
  }

  /** The run is over: the file gets its name, if the end was written. */
  #finish(): void {
    const [session, recorder] = [this.#session, this.#recorder];
    this.#session = null;
    if (session === null || recorder === null) return;
    const { isEnded } = recorder;
    recorder.stop();
    closeAll([{ close: () => this.#draft!.close(isEnded) }, session]);
  }

  /** To its program, as something that came from outside. @throws StratosError of kind option */
  sendSignal(pid: number, name: string): void {
    const signal = SIGNAL_NAMES.indexOf(name.replace(/^SIG/, ""));
    if (signal <= 0) throw wrong("signal", "a name such as SIGTERM");
    if (pid === this.#pid && this.#session !== null) this.#sendSignal?.(signal);
  }

  get files(): never {
    throw refused("record", "the files of what is recorded are read in its recording (openRecording)");
  }

  sync(): void {}

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#session?.stop();
    closeAll([{ close: () => this.#finish() }, this.#image, { close: () => this.#file.release() }]);
  }
}

function refused(option: string, why: string): StratosError<"option"> {
  return new StratosError("option", `${option}: ${why}`, { option });
}
