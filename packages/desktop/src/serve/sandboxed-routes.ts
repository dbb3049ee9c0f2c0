/** What a desktop's page asks for about sandboxed applications, and where their frames load from. */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { Context, Hono } from "hono";
import { problemDetails, readJson, Refusal } from "@stratos/volumes/rest-input";
import type { DesktopMachine } from "../machine/desktop-machine.ts";
import {
  readPage,
  readSandboxed,
  type SandboxedApplication,
  SandboxedCalls,
  TooLarge,
} from "../machine/sandboxed-applications.ts";
import { userFiles } from "../machine/user-files.ts";
import { permissionText } from "../entries/sandboxed-manifest.ts";
import type { DesktopState } from "./desktop-state.ts";
import { ApplicationAudit, PermissionsFile } from "./permissions-file.ts";
import { SANDBOX_POLICY, withPrelude } from "./sandbox-prelude.ts";

/** A frame is loaded by an address that is good once, and not for long. */
const TICKET_MS = 60_000;
const TICKETS_MAX = 100;
/** Of an application, with all that it writes. */
const CALL_MAX = 3 << 20;

export interface SandboxedPlace {
  /** STRATOS_HOME. */
  readonly home: string;
  /** What its files are called, before what they hold. */
  readonly name: string;
  readonly onDefect: (words: string) => void;
}

interface Ticket {
  readonly page: string;
  readonly untilMs: number;
}

export class SandboxedRoutes {
  readonly #machine: DesktopMachine;
  readonly #state: DesktopState;
  readonly #permissions: PermissionsFile;
  readonly #audit: ApplicationAudit;
  readonly #calls: SandboxedCalls;
  readonly #tickets = new Map<string, Ticket>();

  constructor(machine: DesktopMachine, state: DesktopState, { home, name, onDefect }: SandboxedPlace) {
    this.#machine = machine;
    this.#state = state;
    this.#permissions = new PermissionsFile(join(home, `${name}.permissions.json`));
    this.#audit = new ApplicationAudit(join(home, `${name}.audit`), onDefect);
    const note = (id: string, what: string, outcome: string): void => this.#audit.add(id, what, outcome);
    this.#calls = new SandboxedCalls(machine, this.#permissions, note);
  }

  /** Below /v1, where who asks is known already and the desktop is not locked. */
  addTo(app: Hono): void {
    app.get("/v1/sandboxed", async (context) => {
      const { applications, problems } = await this.#read();
      return context.json({
        problems,
        applications: applications.map(({ id, name, comment, permissions }) => ({
          ...{ id, name, comment },
          permissions: permissions.map((each) => {
            const permission = permissionText(each);
            return { permission, isGranted: this.#permissions.decision(id, permission) };
          }),
        })),
      });
    });
    app.get("/v1/sandboxed/audit", (context) => context.text(this.#audit.text));
    app.post("/v1/sandboxed/:id/open", async (context) => {
      const application = await this.#find(context);
      const { part } = await readJson(context);
      const isPanel = part === "panel";
      if (isPanel && this.#permissions.decision(application.id, "panel") !== true)
        throw new Refusal(403, `${application.name}: the person has not let it into the panel`);
      const name = isPanel ? application.panel : application.entry;
      const path = `${application.folder}/${name}`;
      const text = name === null ? null : await readPage(userFiles(this.#machine), path);
      if (text === null) throw new Refusal(409, `${path}: cannot be shown`);
      const page = withPrelude(text);
      if (page === null) throw new Refusal(409, `${path}: an application's page has no frames, nor "srcdoc"`);
      const ticket = randomBytes(24).toString("base64url");
      for (const [each, { untilMs }] of this.#tickets)
        if (untilMs < Date.now() || this.#tickets.size >= TICKETS_MAX) this.#tickets.delete(each);
      this.#tickets.set(ticket, { page, untilMs: Date.now() + TICKET_MS });
      this.#audit.add(application.id, isPanel ? "open in the panel" : "open", "done");
      return context.json({ path: `sandboxed/${ticket}`, name: application.name }, 201);
    });
    app.post("/v1/sandboxed/:id/call", async (context) => {
      const application = await this.#find(context);
      const request = await readJson(context, CALL_MAX);
      if (typeof request !== "object" || request === null) throw new Refusal(400, "an object is expected");
      try {
        const outcome = await this.#calls.call(application, request);
        if (outcome.kind === "refused") throw new Refusal(403, `${application.name}: ${outcome.why}`);
        return context.json(outcome);
      } catch (error) {
        if (error instanceof TooLarge) throw new Refusal(413, error.message);
        throw error;
      }
    });
    app.put("/v1/sandboxed/:id/permissions", async (context) => {
      const application = await this.#find(context);
      const { permission, isGranted } = await readJson(context);
      const isNamed = application.permissions.some((each) => permissionText(each) === permission);
      // What a manifest no longer names can be taken back.
      if (typeof permission !== "string" || (!isNamed && isGranted !== null))
        throw new Refusal(409, "the manifest does not name this permission");
      if (isGranted !== null && typeof isGranted !== "boolean")
        throw new Refusal(400, "isGranted: true, false or null is expected");
      this.#permissions.decide(application.id, permission, isGranted);
      const word = isGranted === null ? "taken back" : isGranted ? "granted" : "refused by the person";
      this.#audit.add(application.id, permission, word);
      return context.json(null);
    });
  }

  /** @returns the page of a frame; its address is good once */
  frame(context: Context): Response {
    const ticket = context.req.param("ticket") ?? "";
    const found = this.#tickets.get(ticket);
    this.#tickets.delete(ticket);
    if (found === undefined || found.untilMs < Date.now() || this.#state.isLocked)
      return problemDetails(context, 404, "there is nothing of this name");
    return context.body(found.page, 200, {
      "Content-Type": "text/html; charset=utf-8",
      "Content-Security-Policy": SANDBOX_POLICY,
      "Referrer-Policy": "no-referrer",
      "X-DNS-Prefetch-Control": "off",
      "Cross-Origin-Resource-Policy": "same-origin",
    });
  }

  #read(): ReturnType<typeof readSandboxed> {
    return readSandboxed(userFiles(this.#machine), this.#machine.user.home, this.#state.file.settings.language);
  }

  async #find(context: Context): Promise<SandboxedApplication> {
    const { applications } = await this.#read();
    const found = applications.find(({ id }) => id === context.req.param("id"));
    if (found === undefined) throw new Refusal(404, "there is no such application");
    return found;
  }
}
