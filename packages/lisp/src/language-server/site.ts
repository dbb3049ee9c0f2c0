/** What identifies a definition, across files. */
import type { Source } from "../datum/source.ts";
import type { Binding } from "../expander/syntax.ts";

/** Null: no text defines it, and nothing can be said of it. */
export function siteOf(binding: Binding): string | null {
  switch (binding.kind) {
    case "core":
    case "auxiliary":
      return `form ${binding.name}`;
    case "global": {
      const { primitive, source } = binding.global;
      return primitive !== null ? `form ${primitive}` : keyOf(source);
    }
    default:
      return keyOf(sourceOf(binding));
  }
}

/** Where it is defined; null: by the system itself, or by nothing that is written. */
export function sourceOf(binding: Binding): Source | null {
  switch (binding.kind) {
    case "macro":
    case "type":
      return binding.source;
    case "local":
    case "pattern":
      return binding.variable.source;
    case "global":
      return binding.global.source;
    default:
      return null;
  }
}

function keyOf(source: Source | null): string | null {
  return source === null ? null : `${source.offset} ${source.file}`;
}
