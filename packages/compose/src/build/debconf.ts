/**
 * Answers for debconf, as debconf-set-selections(1) leaves them in its database: a question without its template, which
 * its package brings when it is configured. They are written as text, so no program runs for them, whichever runner
 * there is. Source: debconf-devel(7); Debconf::Format::822.
 */
import { utf8ToByteString } from "@stratos/base";
import { askingPackage } from "../gather/check-answers.ts";
import type { DebconfAnswer } from "../treefile/schema-content.ts";

interface DebconfFile {
  readonly path: string;
  readonly mode: number;
  readonly text: string;
}

export const DEBCONF_CONFIG = "var/cache/debconf/config.dat";
const DEBCONF_PASSWORDS = "var/cache/debconf/passwords.dat";
const TEMPLATES = "var/cache/debconf/templates.dat";

/**
 * The database with answers in it. Questions that it has keep all else that it says of them.
 *
 * @param read  a file of the image, as a byte string; undefined: it is not there
 */
export function answerQuestions(
  answers: Readonly<Record<string, DebconfAnswer>>,
  read: (path: string) => string | undefined,
): DebconfFile[] {
  const files = new Map<string, Map<string, string[]>>();
  const open = (path: string): Map<string, string[]> => {
    let stanzas = files.get(path);
    if (stanzas === undefined) files.set(path, (stanzas = parseStanzas(read(path) ?? "")));
    return stanzas;
  };
  for (const [question, answer] of Object.entries(answers)) {
    const own = open(answer.type === "password" ? DEBCONF_PASSWORDS : DEBCONF_CONFIG),
      template = open(TEMPLATES);
    const asks = askingPackage(question, answer);
    const flags = answer.seen === false ? [] : ["Flags: seen"];
    const kept = (own.get(question) ?? []).filter((line) => !/^(Name|Value|Flags):/.test(line));
    own.set(question, [
      `Name: ${question}`,
      ...(kept.length > 0 ? kept : [`Template: ${question}`, `Owners: ${asks}`]),
      `Value: ${utf8ToByteString(String(answer.value)).replaceAll("\n", "\\n")}`,
      ...flags,
    ]);
    if (!template.has(question))
      template.set(question, [`Name: ${question}`, `Type: ${answer.type}`, `Owners: ${question}`]);
  }
  const modes: Readonly<Record<string, number>> = { [DEBCONF_PASSWORDS]: 0o600 };
  return [...files].map(([path, stanzas]) => ({
    path,
    mode: modes[path] ?? 0o644,
    text: [...stanzas.keys()]
      .sort()
      .map((name) => `${stanzas.get(name)!.join("\n")}\n\n`)
      .join(""),
  }));
}

/** Lines of each stanza by its name; lines that continue another stay with it. */
function parseStanzas(text: string): Map<string, string[]> {
  const stanzas = new Map<string, string[]>();
  for (const block of text.split(/\n{2,}/)) {
    const lines: string[] = [];
    for (const line of block.split("\n")) {
      if (/^\s/.test(line) && lines.length > 0) lines[lines.length - 1] += `\n${line}`;
      else if (line !== "") lines.push(line);
    }
    const name = lines.find((line) => line.startsWith("Name: "))?.slice("Name: ".length);
    if (name !== undefined) stanzas.set(name, lines);
  }
  return stanzas;
}
