/** The reference of all libraries that come along, as Markdown: docs/lisp/reference.md. */
import { intern, list } from "../datum/datum.ts";
import { datumToSyntax } from "../expander/syntax.ts";
import { standardNames } from "../library/standard.ts";
import { Describer } from "./describe.ts";
import { Workspace, type WorkspaceFiles } from "./workspace.ts";

const INTERNAL = new RegExp(
  "^\\(stratos (?:chance|character-class|evaluation(?:-[a-z\\d-]+)?|hash|heap-children|linux|lisp|system-call|" +
    "thread-hold|foreign-(?:types|memory|calls)|[a-z]+-primitives)\\)|^\\(scheme r5rs\\)|^\\(astra |^\\(docu",
);

/** @returns the page without its head; `undocumented`: names of the system that nothing is said of */
export function referencePage(files: WorkspaceFiles): { readonly page: string; readonly undocumented: string[] } {
  const workspace = new Workspace(files);
  const describer = new Describer(workspace);
  const { lisp } = workspace;
  const undocumented: string[] = [];
  const sources = new Map(
    files.list(files.ownFolder, Infinity).flatMap((file): [string, string][] => {
      const path = file.slice(files.ownFolder.length + 1);
      return path.endsWith(".sld") ? [[`(${path.slice(0, -4).split("/").join(" ")})`, path]] : [];
    }),
  );
  const order = (name: string): string => name.replace(/\d+/g, (digits) => digits.padStart(5, "0"));
  const names = [...new Set([...standardNames(), ...sources.keys()])]
    .filter((name) => !INTERNAL.test(name))
    .sort((a, b) => (order(a) < order(b) ? -1 : 1));
  const sections = names.map((name) => {
    const parts = name.slice(1, -1).split(" ");
    const datum = list(parts.map((part) => (/^\d+$/.test(part) ? Number(part) : intern(part))));
    workspace.find(files.ownFolder);
    const library = lisp.libraries.find(datumToSyntax(null, datum))!;
    const lines = [...library.exports]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([exported, binding]) => {
        const { forms, documentation, kind } = describer.describe(exported, binding, { core: [] });
        const isOfSystem = binding.kind !== "global" ? binding.kind !== "macro" : binding.global.primitive !== null;
        if (documentation === "" && isOfSystem) undocumented.push(`${exported} of ${name}`);
        const shown = forms.map((form) => `\`${form.replace(/\s+/g, " ")}\``).join(", ");
        const word = kind === "procedure" || kind === "value" ? "" : ` *${kind}*`;
        return `- ${shown}${word}${documentation === "" ? "" : `: ${documentation.replace(/\s*\n\s*/g, " ")}`}`;
      });
    const path = sources.get(name);
    const number = /^\(srfi (\d+)\)$/.exec(name)?.[1];
    const links = [
      ...(path === undefined ? [] : [`Source: [${path}](../../packages/lisp/scheme/${path}).`]),
      ...(number === undefined ? [] : [`[SRFI ${number}](https://srfi.schemers.org/srfi-${number}/) says more.`]),
    ];
    const none = "It exports nothing: what it names is always there.";
    return [`## ${name}`, ...(links.length === 0 ? [] : [links.join(" ")]), lines.join("\n") || none].join("\n\n");
  });
  return { page: `${sections.join("\n\n")}\n`, undocumented };
}
