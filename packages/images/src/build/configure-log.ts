/** What is told of packages that could not be configured: what each that failed has said, else the last lines. */

const LINES = 20;
/** Of one package. */
const PACKAGE_LINES = 10;

export class ConfigureLog {
  readonly #last: string[] = [];
  /** Since the package that is being set up. */
  #current: string[] = [];
  readonly #failed: string[] = [];
  /** dpkg tells the reason in the line after the one that names the package. */
  #isReasonNext = false;

  add(line: string): void {
    this.#last.push(line);
    if (this.#last.length > LINES) this.#last.shift();
    if (line.startsWith("Setting up ")) this.#current = [];
    if (this.#isReasonNext) this.#fail([line]);
    else this.#current.push(line);
    if (this.#current.length > PACKAGE_LINES) this.#current.shift();
    this.#isReasonNext = line.startsWith("dpkg: error processing package ");
    if (this.#isReasonNext) this.#fail(this.#current.splice(0));
  }

  #fail(lines: readonly string[]): void {
    if (this.#failed.length < LINES) this.#failed.push(...lines);
  }

  /** At most some 30 lines. */
  lines(): readonly string[] {
    return this.#failed.length > 0 ? this.#failed : this.#last;
  }
}
