/** `/sources/NAME`: builds of a source package, and whether they are reproducible. */
import { html } from "hono/html";
import type { SourceHistory } from "@stratos/hub-api";
import { page, table, taskLink, timeOf, type Html, type Reader } from "./pages.ts";

const WORDS = {
  yes: "Reproducible: what was built more than once has the same bytes.",
  no: "Not reproducible: builds of one version differ.",
  unknown: "Nothing was built twice, so whether it is reproducible is not known.",
} as const;

export function historyPage({ source, reproducible, items }: SourceHistory, who: Reader): Html {
  return page(
    { title: source, who, here: "/packages" },
    html`<p>${WORDS[reproducible]}</p>
${table(
  "Builds, newest first",
  ["Task", "Source", "Suite", "Arch", "Channel", "State", "Host", "Packages", "Beside", "Created"],
  items.map((one) => [
    taskLink(one.task, who),
    one.source,
    one.suite ?? "",
    one.arch,
    one.channel,
    html`<span class="state ${one.state}">${one.state}</span> ${one.failureClass ?? ""}`,
    one.host ?? "",
    one.packages,
    one.beside === null
      ? ""
      : html`${one.beside.differ.length === 0 ? "as" : `${one.beside.differ.join(", ")} not as in`} ${taskLink(
          one.beside.task,
          who,
        )}`,
    timeOf(one.created),
  ]),
)}`,
  );
}
