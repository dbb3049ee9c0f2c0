/**
 * Ports that tell the pump of each event: the kernel makes tasks runnable when the host calls back, and the pump must
 * then run them. The kernel itself knows nothing of an event loop.
 */
import type {
  HostConsole,
  HostSocket,
  HostSocketEvents,
  HostStreamIn,
  HostStreamOut,
  SocketProvider,
} from "@stratos/host";

type Wake = () => void;

export function wakingStreamIn(stream: HostStreamIn, wake: Wake): HostStreamIn {
  return {
    read: (into, at, count) => stream.read(into, at, count),
    get available() {
      return stream.available;
    },
    get isEnded() {
      return stream.isEnded;
    },
    onReadable: (listener) => stream.onReadable(both(listener, wake)),
  };
}

export function wakingStreamOut(stream: HostStreamOut, wake: Wake): HostStreamOut {
  return {
    write: (bytes, at, count) => stream.write(bytes, at, count),
    get room() {
      return stream.room;
    },
    get isBroken() {
      return stream.isBroken;
    },
    onWritable: (listener) => stream.onWritable(both(listener, wake)),
  };
}

export function wakingConsole(console: HostConsole, wake: Wake): HostConsole {
  return {
    get isTerminal() {
      return console.isTerminal;
    },
    write: (bytes) => console.write(bytes),
    get room() {
      return console.room;
    },
    get pending() {
      return console.pending;
    },
    discardOutput: () => console.discardOutput(),
    onWritable: (listener) => console.onWritable(both(listener, wake)),
    size: () => console.size(),
    onInput: (listener) =>
      console.onInput((bytes) => {
        listener(bytes);
        wake();
      }),
    onResize: (listener) => console.onResize(both(listener, wake)),
  };
}

export function wakingSockets(provider: SocketProvider, wake: Wake): SocketProvider {
  return {
    create: (family, type, events) => {
      const socket = provider.create(family, type, wakingEvents(events, wake));
      return typeof socket === "number" ? socket : wakingSocket(socket, wake);
    },
    nameServers: () => provider.nameServers(),
    localAddresses: () => provider.localAddresses(),
  };
}

/** `accept` brings further sockets, with events of their own. */
function wakingEvents(events: HostSocketEvents, wake: Wake): HostSocketEvents {
  return { changed: both(() => events.changed(), wake) };
}

function wakingSocket(socket: HostSocket, wake: Wake): HostSocket {
  const accept = socket.accept.bind(socket);
  socket.accept = (events) => {
    const accepted = accept(wakingEvents(events, wake));
    return typeof accepted === "number" ? accepted : wakingSocket(accepted, wake);
  };
  return socket;
}

function both(first: () => void, second: Wake): () => void {
  return () => {
    first();
    second();
  };
}
