package bighost.hadoop;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.apache.hadoop.shaded.com.fasterxml.jackson.core.JsonProcessingException;
import org.apache.hadoop.shaded.com.fasterxml.jackson.databind.JsonNode;
import org.apache.hadoop.shaded.com.fasterxml.jackson.databind.ObjectMapper;

/**
 * Runs one Hadoop Streaming job after the other in this JVM, as it is told on standard input.
 *
 * <p>A line is a JSON object. In come {@code {"settings": {name: value}, "arguments": [...], "upload":
 * {local file: where Hadoop is to have it}}}, a job, and
 * {@code {"cancel": true}}. Out go {@code {"ready": true}} once, {@code {"map": share, "reduce": share}} while
 * a job runs, and {@code {"end": JobEnd}} when it has ended. The end of the input ends the JVM.
 */
public final class Driver {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final PrintStream out;
    private final Causes causes = Causes.listen();
    private final ExecutorService worker = Executors.newSingleThreadExecutor();
    private volatile Job job;

    private Driver(PrintStream out) {
        this.out = out;
    }

    /** Serve until standard input ends. */
    public static void main(String[] arguments) throws IOException {
        PrintStream out = System.out;
        System.setOut(System.err); // what Hadoop prints must not come between our lines
        new Driver(out).serve();
        Runtime.getRuntime().exit(0); // whatever a job has left running
    }

    private void serve() throws IOException {
        say(Map.of("ready", true));
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            JsonNode order = JSON.readTree(line);
            Job running = job;
            if (!order.has("cancel")) {
                worker.execute(() -> run(order));
            } else if (running != null) {
                running.cancel();
            }
        }
    }

    private void run(JsonNode order) {
        causes.clear();
        Job next = new Job(order, (map, reduce) -> say(Map.of("map", map, "reduce", reduce)));
        job = next;
        JobEnd end = next.call(causes);
        job = null;
        say(Map.of("end", end));
    }

    private synchronized void say(Object event) {
        try {
            out.println(JSON.writeValueAsString(event));
            out.flush();
        } catch (JsonProcessingException error) {
            throw new IllegalStateException(error); // every event is made of numbers and strings
        }
    }
}
