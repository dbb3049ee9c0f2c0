/**
 * Rules of a team, as a plugin of its hub: each task says which ticket it is for, nobody but the release team jumps the
 * queue, and a build that ran out of memory is tried once more where there is plenty.
 *
 * @typedef {{ ticket: string; priorityMax: number; releaseTeam: string[]; large: string }} Settings
 * @type {import("@stratos/hub-api").PluginModule<Settings>}
 */
const plugin = {
  contract: 1,
  version: "1.0.0",
  description: "tickets, priorities, and a second try on large hosts",
  settings: {
    type: "object",
    properties: {
      ticket: { type: "string" },
      priorityMax: { type: "integer" },
      releaseTeam: { type: "array", items: { type: "string" } },
      large: { type: "string", description: "a capability of hosts with much memory" },
    },
    required: ["ticket", "priorityMax", "releaseTeam", "large"],
    additionalProperties: false,
  },
  events: ["FAILED"],

  start({ settings }) {
    rules = { ...settings, ticket: new RegExp(settings.ticket) };
  },

  submission(task, { owner }) {
    // Tasks of triggers and plugins have no author who could be told.
    if (!owner.includes(":") && !rules.ticket.test(task.label ?? ""))
      return { refuse: `the label names no ticket (${rules.ticket.source})` };
    if (rules.releaseTeam.includes(owner)) return;
    return { ...task, priority: Math.min(task.priority ?? 0, rules.priorityMax) };
  },

  /** The same rule where the team builds by hand: what is released comes from the archive. */
  stage({ when, stage, request }) {
    if (when === "pre" && stage === "Fetch" && Object(request.source).kind !== "name")
      return { refuse: "only sources of the archive are built" };
  },

  event(_, { task }) {
    if (task?.failureClass !== "killed" || task.requires.includes(rules.large)) return;
    const { kind, arch, channel, label, payload, priority, weight, requires, timeoutSeconds } = task;
    const again = { kind, arch, channel, label, payload, priority, weight, timeoutSeconds };
    return { submit: [{ ...again, requires: [...requires, rules.large] }] };
  },
};

/** Of the settings; set before anything else is called. */
let rules = { ticket: /^/, priorityMax: 0, releaseTeam: [""], large: "" };

export default plugin;
