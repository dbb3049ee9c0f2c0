/** What is said of a name: what it is, how it is used, its docstring, and where it comes from. */
import type { Binding } from "../expander/syntax.ts";
import { writeText } from "../reader/writer.ts";
import { intern } from "../datum/datum.ts";
import type { Analysis } from "./analysis.ts";
import { type SystemEntry, systemEntriesOf } from "../definitions/entries.ts";
import { definitionsIn } from "./procedures.ts";
import { sourceOf } from "./site.ts";
import type { Workspace } from "./workspace.ts";

interface Description {
  readonly kind: "procedure" | "macro" | "syntax" | "variable" | "record type" | "type" | "pattern variable" | "value";
  /** How it is used; a line for each way. */
  readonly forms: readonly string[];
  /** Markdown; may be empty. */
  readonly documentation: string;
  /** A library, or where it is bound. */
  readonly origin: string;
}

export class Describer {
  readonly #workspace: Workspace;
  #system: ReadonlyMap<string, SystemEntry> | null;

  constructor(workspace: Workspace) {
    this.#workspace = workspace;
    this.#system = null;
  }

  /** What the system itself defines under a name. */
  systemEntry(name: string): SystemEntry | null {
    if (this.#system === null) {
      const { files, lisp } = this.#workspace;
      const entries = files.documentation.flatMap((file) => systemEntriesOf(lisp, file, files.read(file) ?? ""));
      this.#system = new Map(entries.map((entry) => [entry.name, entry]));
    }
    return this.#system.get(name) ?? null;
  }

  /** @param name  as it is called where it is asked for; `analysis`: of the text there */
  describe(name: string, binding: Binding, analysis: Pick<Analysis, "core">): Description {
    switch (binding.kind) {
      case "core":
      case "auxiliary":
        return this.#ofSystem(name, binding.name, "syntax");
      case "pattern":
        return {
          kind: "pattern variable",
          forms: [`${written(name)}${" ...".repeat(binding.depth)}`],
          documentation: "",
          origin: "a pattern variable",
        };
      case "local": {
        const known = definitionsIn(analysis.core).variables.get(binding.variable);
        const forms = known?.parameters?.map((parameters) => useOf(name, parameters)) ?? [written(name)];
        return {
          kind: known === undefined ? "variable" : "procedure",
          forms,
          documentation: "",
          origin: `a local ${known === undefined ? "variable" : "procedure"}`,
        };
      }
      case "type": {
        const entry = this.#entryOf(binding);
        return {
          kind: "type",
          forms: [entry?.form ?? written(name)],
          documentation: entry?.text ?? "",
          origin: originText(binding),
        };
      }
      case "macro": {
        const entry = this.#entryOf(binding);
        return {
          kind: "macro",
          forms: [entry === null || entry.form.startsWith("(define") ? `(${written(name)} …)` : entry.form],
          documentation: entry?.text ?? "",
          origin: originText(binding),
        };
      }
      case "global": {
        const { global } = binding;
        if (global.primitive !== null) return this.#ofSystem(name, global.primitive, "procedure");
        const entry = this.#entryOf(binding);
        const known = definitionsIn(analysis.core).globals.get(global) ?? this.#workspace.procedures.ofGlobal(global);
        const isRecord = entry?.others !== undefined;
        const forms =
          known?.parameters?.map((parameters) => useOf(name, parameters)) ??
          (known !== null && entry !== null && entry.form.startsWith("(")
            ? [renamed(entry.form, global.name, name)]
            : [written(name)]);
        return {
          kind: isRecord ? "record type" : known === null ? "variable" : "procedure",
          forms: isRecord ? [entry!.form] : forms,
          documentation: entry?.text ?? "",
          origin: originText(binding),
        };
      }
    }
  }

  #ofSystem(name: string, primitive: string, kind: "syntax" | "procedure"): Description {
    const entry = this.systemEntry(primitive);
    if (entry !== null)
      return {
        kind: entry.kind,
        forms: entry.forms.map((form) => renamed(form, primitive, name)),
        documentation: [...new Set(entry.texts)].join("\n\n"),
        origin: "AstraLisp",
      };
    return { kind, forms: [written(name)], documentation: "", origin: "AstraLisp" };
  }

  #entryOf(binding: Binding): { readonly form: string; readonly text: string; readonly others?: unknown } | null {
    const source = sourceOf(binding);
    if (source === null) return null;
    const name =
      binding.kind === "global"
        ? binding.global.name
        : binding.kind === "macro" || binding.kind === "type"
          ? binding.name
          : "";
    return this.#workspace.entriesOf(source.file).get(written(name)) ?? null;
  }
}

function originText(binding: Binding): string {
  if (binding.kind === "global" && binding.global.library.startsWith("(") && binding.global.library !== "(program)")
    return binding.global.library;
  const source = sourceOf(binding);
  return source === null ? "" : `${source.file.slice(source.file.lastIndexOf("/") + 1)}, line ${source.line}`;
}

function useOf(name: string, parameters: string): string {
  return parameters === "" ? `(${written(name)})` : `(${written(name)} ${parameters})`;
}

function renamed(form: string, from: string, to: string): string {
  return from === to || !form.startsWith(`(${from}`) ? form : `(${to}${form.slice(from.length + 1)}`;
}

/** A symbol's name as a program writes it. */
export function written(name: string): string {
  return writeText(intern(name));
}
