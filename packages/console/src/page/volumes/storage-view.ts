/** How content is kept, and who may own how much. */
import { LIMIT_EXAMPLES, LIMIT_PATTERN, limitOf } from "@stratos/panels/volumes";
import type { ListedProperties, ListedQuota } from "@stratos/volumes/listed";
import { button } from "../button.ts";
import { choice, element, labelled, meter, row, table } from "../elements.ts";
import { ask } from "./rest.ts";
import { mayChange, type View, type ViewContext } from "./view.ts";
import { size } from "../language.ts";
import { say } from "./words.ts";

const CODECS = ["inherit", "none", "lz4", "zstd"] as const;
const [LEVEL, LEVEL_MAX] = [3, 19];

export const storageView: View = async (context) => {
  const { at, attempt } = context;
  const path = `${at}/properties?path=/`;
  const { own } = await ask<ListedProperties>("GET", path);
  const [codec = "inherit", kept] = own.compression.split(":");
  const names = CODECS.map((name) => [name, name === "inherit" || name === "none" ? say(name) : name] as const);
  const compression = choice("compression", names, codec);
  const level = element("input", {
    id: "level",
    label: `${say("compression")} (zstd)`,
    attributes: { type: "range", min: "1", max: String(LEVEL_MAX), value: kept ?? String(LEVEL) },
  });
  const told = element("output", { attributes: { for: "level" } });
  const follow = (): void => {
    level.hidden = told.hidden = compression.value !== "zstd";
    told.textContent = level.value;
  };
  compression.addEventListener("change", follow);
  level.addEventListener("input", follow);
  follow();
  const dedupe = choice("dedupe", [...pairs("inherit", "on", "off")], own.dedupe);
  const tier = choice("tier", [...pairs("inherit", "any", "fast", "slow")], own.tier);
  const changes = mayChange(context, "administrator");
  for (const input of [compression, level, dedupe, tier]) input.disabled = !changes;
  const save = (): Promise<unknown> => {
    const name = compression.value;
    const chosen = name === "inherit" ? null : { name, level: name === "zstd" ? Number(level.value) : 0 };
    return ask("PUT", path, { compression: chosen, dedupe: dedupe.value, tier: tier.value });
  };
  return [
    element("h2", {}, say("storage")),
    element("p", {}, say("compressionHelp")),
    row(labelled(say("compression"), compression), level, told),
    row(labelled(say("dedupe"), dedupe)),
    row(labelled(say("tier"), tier)),
    ...(changes ? [row(button(say("save"), () => attempt(save)))] : []),
  ];
};

function pairs<Name extends "inherit" | "on" | "off" | "any" | "fast" | "slow">(...names: Name[]): [Name, string][] {
  return names.map((name) => [name, say(name)]);
}

export const quotasView: View = async (context) => {
  const { at, attempt } = context;
  const quotas = await ask<readonly ListedQuota[] | null>("GET", `${at}/quotas`);
  const changes = mayChange(context, "administrator");
  const turn = (on: boolean): HTMLElement =>
    button(say(on ? "quotasOn" : "quotasStop"), () => attempt(() => ask("PUT", `${at}/quotas`, { on })));
  const head = element("h2", {}, say("quotas"));
  if (quotas === null) return [head, element("p", {}, say("quotasOff")), ...(changes ? [row(turn(true))] : [])];
  const limit = (bytes: number): string => (bytes === 0 ? say("noLimit") : size(bytes));
  const list = table(
    say("quotas"),
    [say("owner"), say("used"), "", say("soft"), say("hard"), say("filesCount")],
    quotas.map(({ kind, id, name, usedBytes, softBytes, hardBytes, inodes }) => [
      `${say(kind)} ${name ?? id}`,
      size(usedBytes),
      hardBytes > 0 ? meter(`${say(kind)} ${name ?? id}`, usedBytes, hardBytes) : "",
      limit(softBytes),
      limit(hardBytes),
      String(inodes),
    ]),
  );
  return [head, list, ...(changes ? [limitForm(context), row(turn(false))] : [])];
};

function limitForm({ at, attempt }: ViewContext): HTMLElement {
  const kind = choice(
    "quota-kind",
    (["user", "group", "project"] as const).map((each) => [each, say(each)]),
    "user",
  );
  const owner = element("input", {
    id: "quota-owner",
    attributes: { type: "number", min: "0", max: "4294967295", required: "", value: "0" },
  });
  const [soft, hard] = [sizeField("quota-soft"), sizeField("quota-hard")];
  const form = element(
    "form",
    { className: "row" },
    labelled(say("owner"), kind),
    labelled(say("number"), owner),
    labelled(`${say("soft")} (${LIMIT_EXAMPLES})`, soft),
    labelled(`${say("hard")} (${LIMIT_EXAMPLES})`, hard),
    element("button", {}, say("setLimit")),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(async () => {
      const limits = { softBytes: limitOf(soft.value), hardBytes: limitOf(hard.value) };
      await ask("PUT", `${at}/quotas/${kind.value}/${owner.value}`, limits);
    });
  });
  return form;
}

function sizeField(id: string): HTMLInputElement {
  const attributes = { pattern: LIMIT_PATTERN, title: LIMIT_EXAMPLES, required: "", value: "0" };
  return element("input", { id, attributes });
}
