/** `/hooks/TRIGGER`: where forges deliver. Who has no key proves itself by the trigger's secret. */
import { Hono, type Context } from "hono";
import type { TriggerView } from "@stratos/hub-api";
import type { AttemptLimit } from "./attempt-limit.ts";
import { wholeBody } from "./bounded-body.ts";
import { fitsParameter } from "./path-parameters.ts";
import type { HubService } from "../hub-service.ts";
import { HubError } from "../store/hub-error.ts";
import { readSecret } from "../store/secrets.ts";
import { deliveryDigest, isSigned, readPush, type WebhookForge } from "../triggers/forges.ts";
import { findTrigger, fireTrigger } from "../triggers/triggers.ts";

/** GitHub's largest is 25 MB; one of 2,048 commits with thirty files each is smaller than this. */
const BODY_MAX = 8 << 20;

export function hookPages(hub: HubService, attempts: AttemptLimit, addressOf: (context: Context) => string): Hono {
  const app = new Hono();
  const { database } = hub;
  app.post("/:trigger", async (context) => {
    const from = addressOf(context);
    await hub.accessLog.prepare();
    const delivery = { headers: context.req.raw.headers, body: await wholeBody(context, BODY_MAX) };
    const name = context.req.param("trigger");
    const trigger = !fitsParameter("trigger", name)
      ? null
      : await findTrigger(database, name).catch((error) => {
          if (error instanceof HubError) return null;
          throw error;
        });
    const secret = trigger?.secret === undefined ? null : await readSecret(database, trigger.secret);
    const isTrue =
      trigger !== null && secret !== null && isWebhook(trigger) && isSigned(trigger.forge, secret, delivery);
    if (!isTrue) attempts.demandRoom(from, "signatures");
    hub.accessLog.add({
      actor: isTrue ? `trigger:${trigger.name}` : "nobody",
      isAllowed: isTrue,
      permission: "trigger:fire",
      method: "POST",
      path: context.req.path,
      from,
    });
    if (!isTrue) {
      attempts.count(from);
      // The same for both: nobody learns which triggers there are.
      throw new HubError(401, "bad-signature", "there is no such trigger, or this is not signed with its secret");
    }
    const push = readPush(trigger.forge, delivery);
    if (typeof push === "string") return context.json({ task: null, why: push });
    const { task, why } = await database.transaction("read committed", (inside) =>
      fireTrigger(database, inside, trigger, {
        push,
        digest: deliveryDigest(trigger.forge as WebhookForge, delivery),
        admit: (tasks, owner) => hub.plugins.admit(tasks, owner),
      }),
    );
    return context.json({ task, why }, task !== null && why === null ? 201 : 200);
  });
  return app;
}

const isWebhook = (trigger: TriggerView): trigger is TriggerView & { forge: WebhookForge } => trigger.forge !== "git";
