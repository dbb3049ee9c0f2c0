/**
 * The bell of a mount: has the kernel ask the serving thread for something, which sleeps in the kernel until somebody
 * does. Who rings is another process, as for everything that is asked of the mount: a shell that starts with the first
 * ring and stays, since a command that runs in the serving thread has it rung each 20 ms, and a process made for each
 * would take longer than that on a busy computer.
 */
import { spawn, type ChildProcess } from "node:child_process";

const SCRIPT = 'while read -r ring; do [ -e "$1/$2" ]; done';
/**
 * One byte more than a name may have: Linux lets the server say so (fs/fuse/dir.c, fuse_lookup_name: 1,024), and keeps
 * no errors, where it would keep for a while that a name is absent.
 */
const NAME = "x".repeat(256);

export class MountBell {
  #shell: ChildProcess | null = null;
  #place = "";

  /** @param place  where the mount can be asked now */
  ring(place: string): void {
    if (place !== this.#place) this.stop();
    this.#place = place;
    this.#shell ??= this.#start(place);
    this.#shell.stdin!.write("\n");
  }

  stop(): void {
    this.#shell?.kill();
    this.#shell = null;
  }

  #start(place: string): ChildProcess {
    const shell = spawn("sh", ["-c", SCRIPT, "sh", place, NAME], { stdio: ["pipe", "ignore", "ignore"], cwd: "/" });
    // The next ring starts another.
    const ended = (): void => {
      if (this.#shell === shell) this.#shell = null;
    };
    shell.on("error", ended);
    shell.on("exit", ended);
    shell.stdin.on("error", () => {});
    // It must not keep the process that serves from ending.
    shell.unref();
    (shell.stdin as unknown as { unref(): void }).unref();
    return shell;
  }
}
