/** `stratos tui`: the composition root of the views of this host's systems. */
import { App } from "../app/app.ts";
import type { View } from "../app/view.ts";
import { serviceClient, type ServicePlace } from "../rest/service-client.ts";
import type { Surroundings } from "../surroundings.ts";
import { hostAuditView, hostVolumesView, imagesView, jobsView, maintenanceView } from "./host-views.ts";
import { SystemContext } from "./system-context.ts";
import { SystemsView } from "./systems-view.ts";
import { UsageView } from "./usage-view.ts";

/** @returns the exit status */
export async function runSystemsTui(place: ServicePlace, surroundings: Surroundings): Promise<number> {
  const app = new App({ name: "Stratos", ...surroundings, ...serviceClient(place, "/v1") });
  const context = new SystemContext(app);
  const systems = new SystemsView(context);
  const views: readonly View[] = [
    systems,
    new UsageView(context, () => systems.chosen),
    imagesView(context),
    hostVolumesView(context),
    jobsView(context),
    maintenanceView(context),
    hostAuditView(context),
  ];
  return app.run(views, () => systems.chosen ?? "");
}
