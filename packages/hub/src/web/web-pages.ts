/**
 * Pages of the hub for people, from the same reads as the API. They have a session of their own by a cookie that no
 * other site's page can send (SameSite=Strict), and every change is a form that this hub's pages posted (the API's
 * check of origins stands before them).
 */
import { createHash } from "node:crypto";
import { Hono, type Context } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import type { TaskState } from "@stratos/hub-api";
import { mayDo, type Principal } from "../access/access.ts";
import { closeSession, findSession, openSession, SESSION_HOURS } from "../access/web-sessions.ts";
import type { KerberosLogin } from "../access/kerberos/kerberos-login.ts";
import type { OidcLogin } from "../access/oidc.ts";
import type { AttemptLimit } from "../api/attempt-limit.ts";
import { passedOn } from "../api/passed-on.ts";
import { fitsParameter } from "../api/path-parameters.ts";
import { followLog } from "../api/follow-log.ts";
import { historyOf } from "../store/build-history.ts";
import { settingsPages } from "./settings-page.ts";
import { historyPage } from "./history-page.ts";
import type { HubService } from "../hub-service.ts";
import { cancelTask, retryTask } from "../store/change-tasks.ts";
import { chainHead } from "../store/event-chain.ts";
import { eventsOfTask, lastAlerts, lastEvents } from "../store/events.ts";
import { HubError } from "../store/hub-error.ts";
import { listHosts } from "../store/hosts.ts";
import { TASK_STATES } from "../store/task-states.ts";
import { countQueue, findTask, listTasks, taskDetails } from "../store/tasks.ts";
import { packagesOf } from "../repositories/repositories.ts";
import { failurePages } from "./failure-pages.ts";
import { kerberosPages, NEGOTIATE_PATH } from "./kerberos-pages.ts";
import { oidcPages } from "./oidc-pages.ts";
import { readForm } from "./read-form.ts";
import type { PageVisit, Visitor } from "./page-visit.ts";
import { pluginPages } from "./plugin-pages.ts";
import { profilePages } from "./profile-pages.ts";
import { templatePages } from "./template-pages.ts";
import { triggerPages } from "./trigger-pages.ts";
import { whyWaits } from "../store/why-waits.ts";
import { findWorkflow } from "../store/workflows.ts";
import {
  auditPage,
  failurePage,
  firstPageFor,
  hostsPage,
  LOG_SCRIPT,
  loginPage,
  overviewPage,
  packagesPage,
  taskPage,
  tasksPage,
  workflowPage,
} from "./pages.ts";

const COOKIE = "stratos_session";
/** Where a request keeps its reader, for pages of failures. */
const VISITOR = "visitor";
const PAGE = 50;
/** So many on the page; `hub package ls` has all. */
const PACKAGES = 1_000;
const POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; script-src " +
  `'sha256-${createHash("sha256").update(LOG_SCRIPT).digest("base64")}'; connect-src 'self'; form-action 'self'; ` +
  "base-uri 'none'; frame-ancestors 'none'";

interface WebOptions {
  /** The browser has the page by TLS. */
  readonly isSecure: (context: Context) => boolean;
  readonly attempts: AttemptLimit;
  readonly addressOf: (context: Context) => string;
  /** Where people sign in; null: by keys alone. */
  readonly oidc: OidcLogin | null;
  /** Whose tickets are taken; null: none. */
  readonly kerberos: KerberosLogin | null;
}

export function webPages(hub: HubService, { isSecure, attempts, addressOf, oidc, kerberos }: WebOptions): Hono {
  const app = new Hono();
  const { database } = hub;

  const principalOf = async (context: Context): Promise<Principal | null> => {
    const passed = passedOn(context);
    if (passed !== null && passed.principal !== null) return passed.again();
    const secret = getCookie(context, COOKIE);
    return secret === undefined ? null : findSession(database, hub.access, secret);
  };
  const whoOf = async (context: Context): Promise<Visitor> => {
    await hub.accessLog.prepare();
    const principal = await principalOf(context);
    if (principal === null) throw new SignInFirst();
    const from = addressOf(context);
    const visitor: Visitor = {
      principal,
      name: principal.name,
      may: (permission, task) =>
        hub.accessLog.wouldPermit(principal, permission, { from, ...(task === undefined ? {} : { task }) }),
    };
    context.set(VISITOR, visitor);
    return visitor;
  };
  const require: PageVisit["require"] = (context, principal, permission, task) => {
    const asked = { method: context.req.method, path: context.req.path, from: addressOf(context) };
    return hub.accessLog.demand(principal, permission, asked, task);
  };
  const permitted = async (context: Context, permission: string): Promise<Visitor> => {
    const visitor = await whoOf(context);
    await require(context, visitor.principal, permission);
    return visitor;
  };
  const numberOf = (context: Context, name: "task" | "workflow"): number => {
    const text = context.req.param(name) ?? "";
    if (!/^[1-9]\d{0,14}$/.test(text)) throw new HubError(404, "not-found", `${name} ${text}: there is none`);
    return Number(text);
  };
  const taskOf = (context: Context): number => numberOf(context, "task");
  const mayChange = (principal: Principal, task: { owner: string; channel: string }): string =>
    task.owner === principal.name && mayDo(principal, "task:change-own")
      ? "task:change-own"
      : `task:change:${task.channel}`;

  app.use("*", async (context, next) => {
    // What asks the database for it would fail (api-service.ts refuses it for routes of the API).
    if (/%00/.test(context.req.url)) throw new HubError(400, "bad-query", "There is nothing with U+0000 in its name.");
    await next();
    context.res.headers.set("Content-Security-Policy", POLICY);
    // With `no-referrer` browsers say `Origin: null` of a form (Fetch, 3.2.5), which is nobody's.
    context.res.headers.set("Referrer-Policy", "same-origin");
  });
  app.onError((error, context) => {
    if (error instanceof SignInFirst) return context.redirect("/login", 303);
    // Programs ask there.
    if (context.req.method === "POST" && /^\/login\/(device|negotiate)/.test(context.req.path)) throw error;
    const status = error instanceof HubError ? error.status : 500;
    if (error instanceof HubError)
      for (const [name, value] of Object.entries(error.headers)) context.header(name, value);
    if (status === 500) hub.options.warn(`${context.req.path}: ${error.stack ?? error.message}`);
    return context.html(
      failurePage(
        status,
        error instanceof HubError ? error.message : "The hub failed; its log says why.",
        ((context as Context).get(VISITOR) as Visitor | undefined) ?? null,
      ),
      status as 500,
    );
  });

  const signIn = { isSecure, attempts, addressOf, sessionCookie: COOKIE };
  if (oidc !== null) app.route("/", oidcPages(hub, oidc, signIn));
  if (kerberos !== null) app.route("/", kerberosPages(hub, kerberos, signIn));
  const elsewhere = {
    provider: oidc === null ? null : new URL(oidc.settings.issuer).host,
    negotiatePath: kerberos === null ? null : NEGOTIATE_PATH,
  };
  app.get("/login", (context) => context.html(loginPage(false, elsewhere)));
  app.post("/login", async (context) => {
    const from = addressOf(context);
    await hub.accessLog.prepare();
    const token = (await readForm(context)).get("token")?.trim() ?? "";
    const principal = await hub.access.authenticate(token);
    if (principal === null) attempts.demandRoom(from, "keys");
    hub.accessLog.add({
      actor: principal?.name ?? "nobody",
      isAllowed: principal !== null,
      permission: "authenticate",
      method: "POST",
      path: "/login",
      from,
    });
    if (principal === null) {
      attempts.count(from);
      return context.html(loginPage(true, elsewhere), 401);
    }
    setCookie(context, COOKIE, await openSession(database, principal), {
      httpOnly: true,
      sameSite: "Strict",
      secure: isSecure(context),
      path: "/",
      maxAge: SESSION_HOURS * 3_600,
    });
    return context.redirect("/", 303);
  });
  app.post("/logout", async (context) => {
    const secret = getCookie(context, COOKIE);
    if (secret !== undefined) await closeSession(database, secret);
    deleteCookie(context, COOKIE, { path: "/" });
    return context.redirect("/login", 303);
  });

  app.get("/", async (context) => {
    const reader = await whoOf(context);
    const first = firstPageFor(reader);
    if (first !== null && first !== "/") return context.redirect(first, 303);
    const who = await permitted(context, "task:read");
    return context.html(
      overviewPage(
        await countQueue(database),
        await listHosts(database),
        (await listTasks(database, { states: ["FAILED"] }, 10)).items,
        who,
      ),
    );
  });
  app.get("/tasks", async (context) => {
    const who = await permitted(context, "task:read");
    const { state = "", channel = "", cursor = "" } = context.req.query();
    const states =
      state === "open"
        ? (["BLOCKED", "FREE", "ASSIGNED", "RUNNING"] as const)
        : TASK_STATES.filter((known) => known === state);
    const { items, next } = await listTasks(
      database,
      {
        ...(states.length === 0 ? {} : { states: states as TaskState[] }),
        ...(channel === "" ? {} : { channel }),
        ...(/^\d{1,15}$/.test(cursor) ? { before: Number(cursor) } : {}),
      },
      PAGE,
    );
    return context.html(tasksPage(items, { state, channel, next }, who));
  });
  app.get("/tasks/:task", async (context) => {
    const who = await permitted(context, "task:read");
    const task = await taskDetails(database, taskOf(context));
    const events = await eventsOfTask(database, task.id, { afterId: 0, limit: 200 });
    return context.html(
      taskPage(task, events, await whyWaits(database, task.id), who.may(mayChange(who.principal, task), task), who),
    );
  });
  app.get("/tasks/:task/log", async (context) => {
    const { principal: reader } = await permitted(context, "task:read");
    const mayStill = async (): Promise<boolean> => {
      await hub.accessLog.prepare();
      const principal = await principalOf(context);
      return principal !== null && hub.accessLog.wouldPermit(principal, "task:read", { from: addressOf(context) });
    };
    return followLog({
      hub,
      principal: reader,
      headers: context.req.raw.headers,
      signal: context.req.raw.signal,
      mayStill,
      parameters: { task: String(taskOf(context)) },
    });
  });
  app.post("/tasks/:task/:verb{cancel|retry}", async (context) => {
    const { principal } = await whoOf(context);
    const task = await findTask(database, taskOf(context));
    await require(context, principal, mayChange(principal, task), task);
    if (context.req.param("verb") === "cancel") await cancelTask(database, task.id, principal.name);
    else await retryTask(database, task.id, principal.name);
    hub.housekeeping.nudge();
    return context.redirect(`/tasks/${task.id}`, 303);
  });
  app.get("/workflows/:workflow", async (context) => {
    const who = await permitted(context, "task:read");
    return context.html(workflowPage(await findWorkflow(database, numberOf(context, "workflow")), who));
  });
  app.get("/packages", async (context) => {
    const who = await permitted(context, "package:read");
    const { channel = "" } = context.req.query();
    const wanted = { channel: channel === "" ? undefined : channel };
    const packages = await packagesOf(database, wanted, { limit: PACKAGES, lastFirst: true });
    return context.html(packagesPage(packages, channel, who));
  });
  app.get("/sources/:source", async (context) => {
    const who = await permitted(context, "task:read");
    const source = context.req.param("source");
    if (!fitsParameter("source", source)) throw new HubError(404, "not-found", `source ${source}: there is none`);
    return context.html(historyPage(await historyOf(database, source), who));
  });
  app.get("/hosts", async (context) => {
    const who = await permitted(context, "host:read");
    return context.html(hostsPage(await listHosts(database), who));
  });
  app.get("/audit", async (context) => {
    const who = await permitted(context, "event:read");
    return context.html(
      auditPage({
        alerts: await lastAlerts(database, 20),
        events: await lastEvents(database, 200),
        head: await chainHead(database),
        who,
      }),
    );
  });
  app.route("/", settingsPages(hub, { permitted, require }));
  app.route("/", templatePages(hub, { permitted, require }));
  app.route("/", triggerPages(hub, { permitted, require }));
  app.route("/", failurePages(hub, { permitted, require }));
  app.route("/", pluginPages(hub, { permitted, require }));
  app.route("/", profilePages(hub, { permitted, require }));
  return app;
}

class SignInFirst extends Error {}
