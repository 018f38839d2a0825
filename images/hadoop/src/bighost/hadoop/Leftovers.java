package bighost.hadoop;

/** Finds what a job left running. A failed map leaves a thread that holds its sort buffer, for example. */
final class Leftovers {
    private static final long PATIENCE_MS = 200;

    private Leftovers() {}

    /** Ends what may be ended, and counts the threads that stay. */
    static int count() {
        for (Thread thread : threads()) {
            if (thread.getName().startsWith("SpillThread")) {
                end(thread);
            }
        }
        int found = 0;
        for (Thread thread : threads()) {
            String name = thread.getName();
            boolean ofTask = name.startsWith("SpillThread") || name.startsWith("communication thread")
                    || name.startsWith("LocalJobRunner") || name.startsWith("pool-") && isMerging(thread);
            found += ofTask && thread.isAlive() ? 1 : 0;
        }
        return found;
    }

    private static void end(Thread thread) {
        thread.interrupt();
        try {
            thread.join(PATIENCE_MS);
        } catch (InterruptedException error) {
            Thread.currentThread().interrupt();
        }
    }

    private static boolean isMerging(Thread thread) {
        for (StackTraceElement frame : thread.getStackTrace()) {
            if (frame.getClassName().startsWith("org.apache.hadoop.mapred")) {
                return true;
            }
        }
        return false;
    }

    private static Thread[] threads() {
        ThreadGroup root = Thread.currentThread().getThreadGroup();
        while (root.getParent() != null) {
            root = root.getParent();
        }
        Thread[] found = new Thread[root.activeCount() * 2 + 16];
        int count = root.enumerate(found);
        return java.util.Arrays.copyOf(found, count);
    }
}
