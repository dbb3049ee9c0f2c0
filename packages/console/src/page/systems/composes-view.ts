/** Treefiles: kept, written, checked with the place of each mistake, planned and run. */
import { button } from "../button.ts";
import { element, labelled, row, table } from "../elements.ts";
import { moment } from "../language.ts";
import { ask } from "./rest.ts";
import { administers, form, operates, startJob, type View, type ViewContext } from "./view.ts";
import { say } from "./words.ts";

interface Treefile {
  readonly name: string;
  readonly text: string;
  readonly digest: string;
}

interface Problem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly key: string;
  readonly message: string;
}

export const composesView: View = async (context) => {
  const [name] = context.parts;
  return name === undefined ? allTreefiles(context) : oneTreefile(context, name);
};

async function allTreefiles(context: ViewContext): Promise<readonly Node[]> {
  const { attempt, go } = context;
  const all = await ask<readonly { readonly name: string; readonly changedMs: number }[]>("GET", "/composes");
  const rows = all.map(({ name, changedMs }) => [
    operates(context) ? button(name, () => go("composes", name)) : name,
    moment(changedMs),
  ]);
  const input = element("input", { attributes: { required: "", pattern: "[A-Za-z0-9][A-Za-z0-9_\\-]{0,63}" } });
  const making = form(
    () =>
      attempt(async () => {
        const text = `name: ${input.value}\nbase: minbase\npackages: []\n`;
        await ask("PUT", `/composes/${encodeURIComponent(input.value)}`, { text });
        go("composes", input.value);
      }),
    labelled(say("newTreefile"), input),
    element("button", {}, say("save")),
  );
  return [
    element("h2", {}, say("composes")),
    all.length === 0
      ? element("p", {}, say("noTreefiles"))
      : table(say("composes"), [say("name"), say("changed")], rows),
    ...(administers(context) ? [making] : []),
  ];
}

async function oneTreefile(context: ViewContext, name: string): Promise<readonly Node[]> {
  const at = `/composes/${encodeURIComponent(name)}`;
  let kept = await ask<Treefile>("GET", at);
  const text = element("textarea", {
    id: "treefile",
    label: name,
    attributes: { rows: "20", spellcheck: "false", autocomplete: "off" },
  });
  text.value = kept.text;
  text.readOnly = !administers(context);
  const problems = element("ul", { id: "problems", attributes: { "aria-live": "polite" } });
  const keep = async (): Promise<void> => {
    if (text.value !== kept.text) kept = await ask<Treefile>("PUT", at, { text: text.value, changed: kept.digest });
  };
  const check = async (): Promise<void> => {
    await keep();
    const found = await ask<{ readonly problems: readonly Problem[]; readonly warnings: readonly Problem[] }>(
      "POST",
      `${at}/check`,
    );
    const all = [...found.problems, ...found.warnings];
    problems.replaceChildren(
      ...all.map((problem) => element("li", {}, problemButton(problem, kept.name, text))),
      ...(all.length === 0 ? [element("li", {}, say("isValid"))] : []),
    );
  };
  const begin = (verb: string, ...more: readonly string[]): void =>
    context.attempt(async () => {
      await keep();
      startJob(context, ["compose", verb, ...more, "--", `${name}.yaml`]);
    }, "adds");
  const actions = [
    button(say("save"), () => context.attempt(keep, "adds")),
    button(say("check"), () => context.attempt(check, "adds")),
    button(say("plan"), () => begin("plan")),
    // What is made is beside the treefile, in a folder of its name.
    button(say("run"), () => begin("run", "-o", name)),
    button(say("remove"), () => {
      if (!confirm(say("removeTreefileAsk", name))) return;
      context.attempt(async () => {
        await ask("DELETE", at);
        context.go("composes");
      }, "adds");
    }),
  ];
  return [element("h2", {}, name), text, ...(administers(context) ? [row(...actions)] : []), problems];
}

/** Leads to its line, where that is in the text. */
function problemButton(problem: Problem, name: string, text: HTMLTextAreaElement): HTMLElement {
  const { file, line, column, key, message } = problem;
  const words = `${file}:${line}:${column}: ${key}: ${message}`;
  if (file !== `${name}.yaml`) return element("span", {}, words);
  return button(words, () => {
    const lines = text.value.split("\n");
    const start = lines.slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
    text.focus();
    text.setSelectionRange(start, start + (lines[line - 1]?.length ?? 0));
  });
}
