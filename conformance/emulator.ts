/** A machine under QEMU without hardware help (TCG), spoken to through its serial console. */
import { spawn, type ChildProcess } from "node:child_process";
import { emulatorArguments, emulatorObstacle, emulatorProgram, mediumOf } from "@stratos/tools-node/emulator";

export type Firmware = "bios" | "uefi" | "u-boot";

interface MachineOptions {
  readonly architecture: "amd64" | "riscv64";
  readonly firmware: Firmware;
  /** bytes of memory, in MiB */
  readonly memory: number;
  readonly processors?: number;
  /** a network of the emulator's own, which gives addresses by DHCP and leads nowhere; by default there is none */
  readonly hasNetwork?: boolean;
  readonly media: readonly Medium[];
  /** the same network, on which the host is 10.0.2.2 */
  readonly reachesHost?: boolean;
  /** starts again when it asks for that, or goes off; by default it is over then */
  readonly restarts?: boolean;
}

/** `stick`: the image is a disk to the machine, though it would be an optical medium. */
export interface Medium {
  readonly path: string;
  readonly kind: "disk" | "optical" | "stick";
  readonly keep?: boolean;
}

/**
 * Words for the kernel of a machine on a busy host: it gives up when its timer does not come while it looks, and
 * systemd after 90 seconds, which a boot may take many times over.
 */
export const PATIENT =
  "no_timer_check systemd.default_device_timeout_sec=900 systemd.default_timeout_start_sec=900 " +
  "systemd.service_watchdogs=0";

/** What keeps a machine from starting here; null when nothing does. */
export function machineObstacle({
  architecture,
  firmware,
}: Pick<MachineOptions, "architecture" | "firmware">): string | null {
  return emulatorObstacle({ architecture, firmware });
}

export class Machine {
  #process: ChildProcess;
  readonly ended: Promise<void>;
  #isOver = false;
  #isKilled = false;
  #output = "";
  #wake: () => void = () => {};
  readonly #stop = (): void => void this.#process.kill("SIGKILL");

  constructor(options: MachineOptions) {
    this.#process = this.#start(options);
    process.once("exit", this.#stop);
    this.ended = new Promise((resolve) => {
      const wait = (): void =>
        void this.#process.on("close", (status) => {
          // Firmware that QEMU itself restarts hangs now and then under the interrupts of before (OVMF of QEMU 7.2):
          // each start has a machine of its own.
          if (options.restarts === true && status === 0 && !this.#isKilled) {
            this.#process = this.#start(options);
            return wait();
          }
          this.#isOver = true;
          process.off("exit", this.#stop);
          this.#wake();
          resolve();
        });
      wait();
    });
  }

  #start(options: MachineOptions): ChildProcess {
    const started = spawn(emulatorProgram(options.architecture), argumentsOf(options), {
      stdio: ["pipe", "pipe", "pipe"],
    });
    const take = (bytes: Buffer): void => {
      this.#output = (this.#output + bytes.toString("latin1")).replace(/\x1b\[[0-9;?!]*[A-Za-z]/g, "");
      this.#wake();
    };
    started.stdout.on("data", take);
    started.stderr.on("data", take);
    started.stdin.on("error", () => {});
    return started;
  }

  /** All that the console has shown, without what moves its cursor and sets colours. */
  get output(): string {
    return this.#output;
  }

  type(text: string): void {
    this.#process.stdin!.write(text);
  }

  /**
   * Waits until the console shows it, from `start` on. @returns the match; null when the machine or the time is over
   */
  async shows(pattern: RegExp, timeoutMs: number, start = 0): Promise<RegExpExecArray | null> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const found = pattern.exec(this.#output.slice(start));
      const left = deadline - Date.now();
      if (found !== null || this.#isOver || left <= 0) return found;
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        timer = setTimeout(resolve, left);
      });
      clearTimeout(timer);
    }
  }

  async kill(): Promise<void> {
    this.#isKilled = true;
    this.#stop();
    await this.ended;
  }
}

function argumentsOf({
  architecture,
  firmware,
  memory,
  processors = 1,
  media,
  hasNetwork = false,
  reachesHost = false,
}: MachineOptions): string[] {
  const network = reachesHost ? "user" : hasNetwork ? "restricted" : "none";
  return [
    ...emulatorArguments({
      architecture,
      firmware,
      memory,
      processors,
      network,
      media: media.map((medium) => ({ ...medium, format: mediumOf(medium.path).format })),
    }),
    "-nographic",
    "-no-reboot",
  ];
}
