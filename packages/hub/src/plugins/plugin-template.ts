/** A plugin to begin with: each function that somebody asks, and what it may answer. */
export const PLUGIN_TEMPLATE = `/** @type {import("@stratos/hub-api").PluginModule} */
export default {
  contract: 1,
  version: "0.1.0",
  description: "what it is for",
  // JSON Schema (2020-12) of what NAME.json has under "settings".
  settings: { type: "object", properties: {}, additionalProperties: false },
  start({ settings }) {},

  // A hub (stratos hub --plugins FOLDER): a task before it is one. Nothing; another task; or { refuse: "why" }.
  submission(task, { owner }) {},
  // A hub: what happened. Nothing, or { submit: [tasks] }.
  events: ["COMPLETED", "FAILED"],
  event({ what, at, actor, detail }, { task }) {},

  // A builder (stratos builder build --plugin FILE): before and after each stage. Nothing, or { refuse: "why" }.
  stage({ when, stage, request, source, root, layers }) {},

  // A compose (stratos compose run --plugin FILE): before an image is built, and when its outputs are made.
  image({ point, name, version, variant, architecture, artifacts }) {},
};
`;
