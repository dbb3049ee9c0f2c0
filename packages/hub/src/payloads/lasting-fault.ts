/**
 * Whether a payload whose texts are filled in later can become one that workers take. Texts are tried: each that has a
 * placeholder takes one of its forms after the other while it is what the payload is refused for. A fault stays when
 * it is of what nothing is filled into, or of a text that is a placeholder alone, in all its forms.
 */
import type { TaskSubmission } from "@stratos/hub-api";
import { mapTexts, type Filling } from "./fill-texts.ts";
import { payloadFault } from "./payload-fault.ts";

/** What texts are told of: names, versions, files, digests, addresses. */
const SAMPLES: readonly string[] = ["11", "sample", "sample_1.dsc", `sha256:${"0".repeat(64)}`, "https://sample/x.git"];
const TRIES_MAX = 100;
const PLACEHOLDER = /\{\{([^{}]*)\}\}/g;

/**
 * @param formsOf  what a placeholder may become; undefined: any text
 * @returns what is wrong whatever is filled in, with its place; null: nothing, as far as is known
 */
export function lastingFault(
  { kind, payload }: Pick<TaskSubmission, "kind" | "payload">,
  formsOf: (name: string) => readonly Filling[] | undefined = () => undefined,
): string | null {
  const fixed: string[] = [];
  mapTexts(payload, (text) => {
    if (text.search(PLACEHOLDER) < 0) fixed.push(text);
    return text;
  });
  const anyText = [...SAMPLES, ...fixed];
  /** By the place of each text with a placeholder: which form it has now. */
  const forms = new Map<string, number>();
  const texts = new Map<string, string>();
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const filled = mapTexts(payload, (text, place) => {
      if (text.search(PLACEHOLDER) < 0) return text;
      const at = `payload${place}`;
      texts.set(at, text);
      const index = forms.get(at) ?? 0;
      const formOf = (name: string): Filling => {
        const all = formsOf(name.trim()) ?? anyText;
        return all[index % all.length]!;
      };
      const only = onlyPlaceholder(text);
      return only === null ? text.replace(PLACEHOLDER, (_, name: string) => String(formOf(name))) : formOf(only);
    });
    const fault = payloadFault({ kind, payload: filled as TaskSubmission["payload"] });
    if (fault === null) return null;
    // Which may be more than one: `payload.source: … among payload.files`.
    const places = fault.match(/payload(?:\.\w+)*/g) ?? [];
    const blamed = [...texts.keys()].filter((at) =>
      places.some((place) => at === place || at.startsWith(`${place}.`) || at.startsWith(`${place}[`)),
    );
    if (blamed.length === 0) return fault;
    for (const at of blamed) forms.set(at, (forms.get(at) ?? 0) + 1);
    const only = onlyPlaceholder(texts.get(blamed[0]!)!);
    const count = only === null ? anyText.length : (formsOf(only.trim()) ?? anyText).length;
    if (forms.get(blamed[0]!)! >= count) return blamed.length === 1 && only !== null ? fault : null;
  }
  return null;
}

function onlyPlaceholder(text: string): string | null {
  return /^\{\{([^{}]*)\}\}$/.exec(text)?.[1] ?? null;
}
