/** Procedures whose calls are told, and what they give: `,trace` at the prompt. */
import type { Global } from "../core/core.ts";
import { ControlPrimitive, type Env, isProcedure, MultipleValues, type Resume } from "../interpreter/machine.ts";
import type { Lisp } from "../session.ts";
import { writeShown } from "../source-texts.ts";

/** Calls within calls that are told by their place in the line. */
const INDENTED_MAX = 20;

interface Traced {
  readonly procedure: unknown;
  readonly teller: ControlPrimitive;
}

export class Trace {
  readonly #lisp: Lisp;
  readonly #print: (line: string) => void;
  readonly #traced: Map<Global, Traced>;
  #depth: number;

  constructor(lisp: Lisp, print: (line: string) => void) {
    this.#lisp = lisp;
    this.#print = print;
    this.#traced = new Map();
    this.#depth = 0;
  }

  get names(): string[] {
    return [...this.#traced.keys()].map(({ name }) => name);
  }

  /** A call in a tail is not one any more while it is told what it gives. @returns false: it is no procedure */
  add(global: Global): boolean {
    const cell = this.#lisp.linker.cell(global);
    const procedure = cell.value;
    if (!isProcedure(procedure)) return false;
    if (this.#traced.get(global)?.teller === procedure) return true;
    const resume: Resume = (value, env) => {
      this.#depth = env[0] as number;
      const given = value instanceof MultipleValues ? value.values : [value];
      this.#print(`${this.#indent()}${global.name} → ${given.map(writeShown).join(" ")}`);
      return value;
    };
    const teller = new ControlPrimitive(global.name, 0, Infinity, (machine, operands) => {
      this.#print(`${this.#indent()}(${[global.name, ...operands.map(writeShown)].join(" ")})`);
      const env: Env = [this.#depth];
      machine.push(resume, env);
      this.#depth++;
      return machine.apply(procedure, operands);
    });
    this.#traced.set(global, { procedure, teller });
    cell.value = teller;
    return true;
  }

  /** @returns false: it was not traced */
  remove(name: string): boolean {
    for (const [global, { procedure, teller }] of this.#traced) {
      if (global.name !== name) continue;
      const cell = this.#lisp.linker.cell(global);
      // It may have been defined anew.
      if (cell.value === teller) cell.value = procedure;
      return this.#traced.delete(global);
    }
    return false;
  }

  /** After an error, which no call has returned from. */
  reset(): void {
    this.#depth = 0;
  }

  #indent(): string {
    return this.#depth < INDENTED_MAX ? "  ".repeat(this.#depth) : `${"  ".repeat(INDENTED_MAX)}[${this.#depth}] `;
  }
}
