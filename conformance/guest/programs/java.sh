# Debian: default-jdk-headless curl
# Image: large
# A server with threads of its own kind, compiled here; collections under pressure.
set -euo pipefail
cd /tmp
cat > Server.java <<'JAVA'
import com.sun.net.httpserver.HttpServer;
import java.net.InetSocketAddress;
import java.util.*;
import java.util.concurrent.*;
import java.util.stream.*;

public class Server {
  record Answer(String path, long value) {}

  public static void main(String[] args) throws Exception {
    var server = HttpServer.create(new InetSocketAddress("127.0.0.1", 8099), 0);
    server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
    server.createContext("/", exchange -> {
      var text = new Answer(exchange.getRequestURI().getPath(), primes(20_000)).toString().getBytes();
      exchange.sendResponseHeaders(200, text.length);
      try (var body = exchange.getResponseBody()) { body.write(text); }
    });
    server.start();
    var kept = new ArrayDeque<byte[]>();
    for (int i = 0; i < 2000; i++) {
      kept.add(new byte[64 << 10]);
      if (kept.size() > 200) kept.poll();
    }
    System.out.println("ready " + kept.size());
  }

  static long primes(int below) {
    return IntStream.range(2, below).parallel().filter(n -> IntStream.rangeClosed(2, (int) Math.sqrt(n)).noneMatch(d -> n % d == 0)).count();
  }
}
JAVA
javac Server.java
java -Xmx96m Server > log & pid=$!
for ((at = 0; at < 200; at++)); do grep -q '^ready 200$' log && break; sleep 0.5; done
for n in $(seq 20); do curl -fsS -m 60 "http://127.0.0.1:8099/$n" > answer.$n & all+=($!); done
wait "${all[@]}"
for n in $(seq 20); do test "$(cat answer.$n)" = "Answer[path=/$n, value=2262]"; done
kill $pid
status=0; wait $pid || status=$?; test $status = 143
