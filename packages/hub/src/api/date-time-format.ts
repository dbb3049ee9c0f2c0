import type { Ajv2020 } from "ajv/dist/2020.js";

/** RFC 3339, the one format that our schemas name. */
export function addDateTime(ajv: Ajv2020): Ajv2020 {
  return ajv.addFormat("date-time", (text: string) =>
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(text),
  );
}
