/*
 * One member of a JGroups group, for `conform certify --network own`: java -cp jgroups.jar:. Member [tcp|sequencer|flush]
 *
 * The stacks are those that the jar itself brings (tcp.xml, flush-tcp.xml, and tcp.xml with the SEQUENCER of sequencer.xml), on
 * addresses of loopback. What is claimed is what the documentation of JGroups says; README.md, a folder above, has the
 * sentences and their places.
 */
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.File;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.xml.parsers.DocumentBuilderFactory;
import org.jgroups.Address;
import org.jgroups.ExtendedReceiverAdapter;
import org.jgroups.JChannel;
import org.jgroups.Message;
import org.jgroups.Version;
import org.jgroups.View;
import org.jgroups.util.UUID;

public class Member extends ExtendedReceiverAdapter {
    static final PrintStream out = new PrintStream(new java.io.FileOutputStream(java.io.FileDescriptor.out), false, StandardCharsets.UTF_8);

    final String stack;
    final ExecutorService sender = Executors.newSingleThreadExecutor(); // JGroups may block who sends
    final List<String> early = new ArrayList<>(); // what was seen before the harness knew that we are ready
    boolean ready;
    JChannel channel;
    String group;
    int size; // of the group when all are there
    volatile int told; // the size of the last view that the application was told of

    Member(String stack) {
        this.stack = stack;
    }

    /*
     * http://www.jgroups.org/overview.html: "lossless transmission of a message to all recipients", "FIFO order", "atomicity: a
     * message will be received by all receivers, or none". doc/SEQUENCER.txt: "a total order protocol using a sequencer".
     * doc/design/FLUSH.txt: "all messages *sent* in the current view V1 are indeed *delivered* in V1 … (in all non-faulty
     * members). This is essentially Virtual Synchrony." SENDING-VIEW-DELIVERY can't be judged here: JGroups holds back who sends
     * while it flushes, and the send is on record when it was asked for.
     */
    String hello() {
        String claims = "\"reliable\",\"UNIFORM-AGREEMENT\",\"fifo\"";
        if (stack.equals("sequencer")) {
            claims += ",\"total\"";
        } else if (stack.equals("flush")) {
            claims += ",\"SAME-VIEW-DELIVERY\",\"VIRTUAL-SYNCHRONY\"";
        }
        return "{\"op\":\"hello\",\"protocol\":1,\"name\":\"jgroups-" + stack + "\",\"version\":\"JGroups " + Version.printVersion()
            + "\",\"claims\":[" + claims + "],\"tolerates\":[\"crash\",\"pause\"],\"network\":\"own\",\"settle\":10000000000}";
    }

    // start becomes a member. The first lives begin one after another: members that begin together, with nobody to find, found
    // groups of their own, which merge only half a minute later.
    void start(String init) throws Exception {
        group = text(init, "group");
        String node = text(init, "node");
        List<String> nodes = list(init, "nodes");
        long incarnation = Long.parseLong(find(init, "\"incarnation\":(\\d+)"));
        File dir = new File(text(init, "dir"));
        size = nodes.size();
        int me = nodes.indexOf(node);
        if (incarnation == 0 && me > 0) {
            File before = new File(dir.getParentFile(), nodes.get(me - 1) + "/connected");
            while (!before.exists()) {
                Thread.sleep(5);
            }
        }
        StringBuilder hosts = new StringBuilder();
        for (String n : nodes) {
            String[] a = address(init, n);
            hosts.append(hosts.length() == 0 ? "" : ",").append(a[0]).append('[').append(a[1]).append(']');
        }
        String[] mine = address(init, node);
        System.setProperty("jgroups.bind_addr", mine[0]);
        channel = new JChannel(DocumentBuilderFactory.newInstance().newDocumentBuilder()
            .parse(new ByteArrayInputStream(config(mine[1], hosts.toString(), nodes.size()).getBytes(StandardCharsets.UTF_8))).getDocumentElement());
        // The last half of an address is the node's number: so views and senders can be told.
        channel.setAddressGenerator(() -> new UUID(java.util.UUID.randomUUID().getMostSignificantBits(), Long.parseLong(node)));
        channel.setName("n" + node + "/" + incarnation);
        channel.setReceiver(this);
        // A name of this group's own: discovery asks the next port too, where another group may be.
        channel.connect(dir.getParentFile().getName());
        Files.createFile(new File(dir, "connected" + (incarnation == 0 ? "" : incarnation)).toPath());
        while (incarnation == 0 && told < size) { // the channel knows a view before its application is told
            Thread.sleep(5);
        }
    }

    // config is a stack of the jar, with this member's addresses in place of those that stand there.
    String config(String port, String hosts, int members) throws Exception {
        String name = stack.equals("flush") ? "flush-tcp.xml" : "tcp.xml", xml;
        try (InputStream in = Member.class.getClassLoader().getResourceAsStream(name)) {
            xml = new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
        xml = put(xml, "bind_port=\"7800\"", "bind_port=\"" + port + "\" port_range=\"0\"");
        xml = put(xml, "initial_hosts=\"[^\"]*\"", "initial_hosts=\"" + hosts + "\"");
        if (stack.equals("sequencer")) { // where sequencer.xml has it: above GMS
            xml = put(xml, "<UFC", "<SEQUENCER/>\n    <UFC");
        }
        return xml;
    }

    static String put(String xml, String what, String by) {
        String x = xml.replaceFirst(what, Matcher.quoteReplacement(by));
        if (x.equals(xml)) {
            throw new IllegalStateException("the stack has no " + what);
        }
        return x;
    }

    public void receive(Message m) {
        byte[] b = m.getBuffer();
        int n = b[0];
        String msg = new String(b, 1, n, StandardCharsets.US_ASCII);
        byte[] body = java.util.Arrays.copyOfRange(b, 1 + n, b.length);
        say("{\"op\":\"deliver\",\"group\":\"" + group + "\",\"msg\":\"" + msg + "\",\"body\":\"" + Base64.getEncoder().encodeToString(body)
            + "\",\"from\":\"" + node(m.getSrc()) + "\"}");
    }

    // A view is known by its number and its creator's address; two parts of a group may use one number.
    public void viewAccepted(View v) {
        StringBuilder members = new StringBuilder();
        for (Address a : v.getMembers()) {
            members.append(members.length() == 0 ? "\"" : ",\"").append(node(a)).append('"');
        }
        say("{\"op\":\"view\",\"group\":\"" + group + "\",\"view\":\"" + v.getVid().getId() + "." + node(v.getCreator()) + "\",\"members\":["
            + members + "]}");
        told = v.size();
    }

    public void suspect(Address a) {
        say("{\"op\":\"suspect\",\"group\":\"" + group + "\",\"node\":\"" + node(a) + "\"}");
    }

    public void block() {
        say("{\"op\":\"block\",\"group\":\"" + group + "\"}");
    }

    public void unblock() {
        say("{\"op\":\"unblock\",\"group\":\"" + group + "\"}");
    }

    static long node(Address a) {
        return ((UUID) a).getLeastSignificantBits();
    }

    // send multicasts. JGroups acknowledges nothing to who sends.
    void send(String line) {
        byte[] msg = text(line, "msg").getBytes(StandardCharsets.US_ASCII), body = Base64.getDecoder().decode(text(line, "body"));
        byte[] b = new byte[1 + msg.length + body.length];
        b[0] = (byte) msg.length;
        System.arraycopy(msg, 0, b, 1, msg.length);
        System.arraycopy(body, 0, b, 1 + msg.length, body.length);
        sender.execute(() -> {
            try {
                channel.send(new Message(null, null, b));
            } catch (Exception e) {
                System.err.println(e);
            }
        });
    }

    synchronized void say(String line) {
        if (!ready) {
            early.add(line);
            return;
        }
        out.print(line + "\n");
        out.flush();
    }

    synchronized void beReady() {
        ready = true;
        say("{\"op\":\"ready\"}");
        early.forEach(this::say);
    }

    // The harness's lines are of a known form: flat, but for groups and addresses, and nothing in their strings is escaped.
    static String find(String line, String pattern) {
        Matcher m = Pattern.compile(pattern).matcher(line);
        if (!m.find()) {
            throw new IllegalArgumentException("no " + pattern + " in " + line);
        }
        return m.group(1);
    }

    static String text(String line, String key) {
        return find(line, "\"" + key + "\":\"([^\"]*)\"");
    }

    static List<String> list(String line, String key) {
        return List.of(find(line, "\"" + key + "\":\\[\"([^\\]]*)\"\\]").split("\",\""));
    }

    static String[] address(String line, String node) {
        String a = text(find(line, "\"addresses\":(\\{[^}]*\\})"), node);
        return new String[] {a.substring(0, a.lastIndexOf(':')), a.substring(a.lastIndexOf(':') + 1)};
    }

    public static void main(String[] args) throws Exception {
        System.setOut(System.err); // GMS prints its address; stdout is for lines only
        System.setProperty("java.net.preferIPv4Stack", "true");
        Member m = new Member(args.length > 0 ? args[0] : "tcp");
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line; (line = in.readLine()) != null;) {
            switch (text(line, "op")) {
                case "hello":
                    out.print(m.hello() + "\n");
                    out.flush();
                    break;
                case "init":
                    m.start(line);
                    m.beReady();
                    break;
                case "send":
                    m.send(line);
                    break;
                default:
                    m.say("{\"op\":\"error\",\"code\":\"unsupported\",\"definite\":true}");
            }
        }
        Runtime.getRuntime().halt(0); // as a crash: the others see it go
    }
}
