/** Images; and the packages of one of them, which are searched, installed, removed and taken back. */
import { button } from "../button.ts";
import { element, labelled, row, table } from "../elements.ts";
import { moment, size } from "../language.ts";
import { ask } from "./rest.ts";
import { administers, form, startJob, type View, type ViewContext } from "./view.ts";
import { say } from "./words.ts";

interface Package {
  readonly name: string;
  readonly version: string;
  /** Of what a search has found. */
  readonly summary?: string;
  readonly isInstalled?: boolean;
}

interface Change {
  readonly id: number;
  readonly at: string;
  readonly command: string;
  /** Null: it was taken back. */
  readonly states: object | null;
}

/** Of a search for one letter. */
const ROWS_MAX = 1000;

export const imagesView: View = async (context) => {
  const [image, words] = context.parts;
  return image === undefined ? allImages(context) : packagesOf(context, image, words ?? "");
};

async function allImages(context: ViewContext): Promise<readonly Node[]> {
  const { go } = context;
  const images = await ask<readonly { readonly name: string; readonly sizeBytes: number }[]>("GET", "/images");
  const rows = images.map(({ name, sizeBytes }) => [
    named(
      name,
      button(name, () => go("images", name)),
    ),
    size(sizeBytes),
    administers(context) ? removal(context, name, say("removeImageAsk", name), ["image", "rm", "--", name]) : null,
  ]);
  const name = element("input", { attributes: { required: "", pattern: "[a-z0-9][a-z0-9._\\-]*" } });
  const packages = element("input", { attributes: { placeholder: "gcc,make", size: "40" } });
  const build = form(
    () => {
      const more = packages.value.trim();
      startJob(context, ["image", "build", ...(more === "" ? [] : ["--packages", more]), "--", name.value]);
    },
    labelled(say("name"), name),
    labelled(say("packages"), packages),
    element("button", {}, say("build")),
    element("small", {}, say("packagesHelp")),
  );
  return [
    element("h2", {}, say("images")),
    table(say("images"), [say("name"), say("size"), ""], rows),
    ...(administers(context) ? [build] : []),
  ];
}

async function packagesOf(context: ViewContext, image: string, words: string): Promise<readonly Node[]> {
  const at = `/images/${encodeURIComponent(image)}`;
  const [packages, changes] = await Promise.all([
    ask<readonly Package[]>("GET", `${at}/packages${words === "" ? "" : `?search=${encodeURIComponent(words)}`}`),
    ask<readonly Change[]>("GET", `${at}/changes`),
  ]);
  const input = element("input", { id: "words", attributes: { type: "search", size: "30" } });
  input.value = words;
  const search = form(
    () => context.go("images", image, ...(input.value.trim() === "" ? [] : [input.value.trim()])),
    labelled(say("search"), input),
    element("button", {}, say("search")),
    element("small", {}, say("searchHelp")),
  );
  const change = (...command: readonly string[]): void =>
    startJob(context, ["pkg", command[0]!, "-i", image, ...command.slice(1)]);
  const acts = administers(context);
  const rows = packages
    .slice(0, ROWS_MAX)
    .map(({ name, version, summary = "", isInstalled = true }) => [
      name,
      version,
      summary,
      !acts
        ? null
        : isInstalled
          ? removal(context, name, say("removePackageAsk", name), ["pkg", "remove", "-i", image, "--", name])
          : labelledButton(say("install"), name, () => change("install", "--", name)),
    ]);
  const heading = words === "" ? say("installed", packages.length) : say("found", packages.length);
  return [
    element("h2", {}, say("packagesOf", image)),
    search,
    ...(acts
      ? [
          row(
            button(say("update"), () => change("update")),
            button(say("upgrade"), () => change("upgrade")),
          ),
        ]
      : []),
    ...(changes.length === 0 ? [] : [element("h3", {}, say("changes")), changeTable(context, image, changes)]),
    element("h3", { id: "count" }, heading),
    table(heading, [say("name"), say("version"), say("summary"), ""], rows),
  ];
}

function changeTable(context: ViewContext, image: string, changes: readonly Change[]): HTMLElement {
  const takeBack = (id: number): HTMLElement =>
    labelledButton(say("takeBack"), String(id), () => {
      if (confirm(say("takeBackAsk", id))) startJob(context, ["pkg", "rollback", "-i", image, String(id)]);
    });
  const rows = changes.map(({ id, at, command, states }) => [
    String(id),
    moment(at),
    command,
    states === null ? say("takenBack") : administers(context) ? takeBack(id) : null,
  ]);
  return table(say("changes"), ["#", say("when"), say("command"), ""], rows);
}

/** @param question  is to be agreed to */
function removal(context: ViewContext, name: string, question: string, command: readonly string[]): HTMLButtonElement {
  return labelledButton(say("remove"), name, () => {
    if (confirm(question)) startJob(context, command);
  });
}

/** Of several with the same text. */
function labelledButton(text: string, of: string, onClick: () => void): HTMLButtonElement {
  return named(`${text}: ${of}`, button(text, onClick));
}

function named(label: string, made: HTMLButtonElement): HTMLButtonElement {
  made.setAttribute("aria-label", label);
  return made;
}
