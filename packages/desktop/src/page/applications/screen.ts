/** The display of a named system: its whole screen in one window, as its own compositor arranges it. */
import { DisplayCanvas } from "@stratos/console/page/display-canvas";
import { openSocket, type PageConnection } from "../service.ts";
import { create } from "../widgets/containers.ts";
import { Widget } from "../widgets/widget.ts";
import { say } from "../words.ts";
import type { ApplicationHost, OpenedApplication } from "./application.ts";

const AGAIN_MS = 1000;

export function openScreen({ desktop, notify }: ApplicationHost, windowId: () => string): OpenedApplication {
  let socket: PageConnection | null = null;
  let isOver = false;
  const screen = new DisplayCanvas({
    label: say("screen"),
    mayAct: true,
    send: (message) => {
      if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
    },
    onTooLong: () => notify(say("pasteTooLong")),
  });
  const element = create("div", "guest-screen");
  element.append(screen.canvas, screen.input!.field);
  const connect = (): void => {
    socket = openSocket("/screen", () => {});
    socket.onmessage = ({ data }) => {
      const { title, problem } = screen.take(data);
      if (title !== undefined) desktop.arrangement.retitle(windowId(), title || say("screen"));
      if (problem !== undefined) notify(problem);
    };
    socket.onclose = ({ code }) => {
      if (!isOver && code !== 1008) setTimeout(() => isOver || connect(), AGAIN_MS);
    };
  };
  // Its window has no number before.
  setTimeout(connect);
  return {
    title: say("screen"),
    size: { width: 960, height: 600 },
    min: { width: 320, height: 200 },
    root: new Widget(element),
    argument: null,
    focus: () => screen.input!.focus(),
    end: () => {
      isOver = true;
      screen.close();
      socket?.close();
    },
  };
}
