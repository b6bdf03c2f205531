import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.databind.DeserializationContext;
import com.fasterxml.jackson.databind.JsonDeserializer;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.JsonSerializer;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.SerializerProvider;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.module.SimpleModule;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import java.io.File;
import java.io.IOException;
import java.math.BigDecimal;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.Signature;
import java.security.spec.MGF1ParameterSpec;
import java.security.spec.PSSParameterSpec;
import java.security.spec.X509EncodedKeySpec;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Date;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/** What the programs for the JVM's SDKs have in common: cases, control calls, comparison, the JWT. */
final class Scenario {
    /** One call, in the wire's names; {@code keys} as the scenario's head has them. */
    record Call(String operation, JsonNode input, String region, URI endpoint, JsonNode keys) {
        String key(String name) {
            return keys.path(name).asText(null);
        }
    }

    /**
     * What an exception says: {@code ofItsClass} when it is of the SDK's own class for {@code name}; {@code about} is
     * "registration token", "credentials" or "request".
     */
    record Fault(String name, String message, boolean ofItsClass, String about) {}

    /** An answer in the wire's names, or a fault; the other is null. */
    record Outcome(JsonNode answer, Fault fault, int attempts) {}

    /** Names of faults of the keys that sign a call; no operation declares them. */
    static final Set<String> CREDENTIAL_FAULTS =
            Set.of(
                    "UnrecognizedClientException",
                    "IncompleteSignatureException",
                    "InvalidSignatureException",
                    "MissingAuthenticationTokenException");

    interface Sdk {
        /** Throws only what is no answer of the service. */
        Outcome send(Call call) throws Exception;
    }

    static final class Failure extends Exception {
        Failure(String message) {
            super(message);
        }
    }

    /** Beans in the wire's names: both SDKs' differ from them by one capital. Timestamps are epoch seconds. */
    static final ObjectMapper BEANS =
            JsonMapper.builder()
                    .propertyNamingStrategy(PropertyNamingStrategies.UPPER_CAMEL_CASE)
                    .serializationInclusion(JsonInclude.Include.NON_NULL)
                    .addModule(
                            new SimpleModule()
                                    .addDeserializer(Instant.class, reading(seconds -> seconds))
                                    .addDeserializer(Date.class, reading(Date::from))
                                    .addSerializer(Instant.class, writing(instant -> instant))
                                    .addSerializer(Date.class, writing(Date::toInstant)))
                    .build();

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final HttpClient HTTP = HttpClient.newHttpClient();

    private final JsonNode run;
    private final ObjectNode credentials = JSON.createObjectNode();
    private final List<JsonNode> cases = new ArrayList<>();

    /** The cases of the run's scenario, then those of {@code more} files of the same form. */
    Scenario(String runFile, String... more) throws IOException {
        run = JSON.readTree(new File(runFile));
        read(run.path("scenario").asText());
        for (String file : more) read(file);
    }

    private void read(String file) throws IOException {
        JsonNode scenario = JSON.readTree(new File(file));
        credentials.setAll((ObjectNode) scenario.path("credentials"));
        scenario.path("cases").forEach(cases::add);
    }

    /** Runs each case with each SDK by its name, and prints what came of it; returns the exit code. */
    int run(String title, Set<String> has, Map<String, Sdk> sdks) {
        int passed = 0;
        int failed = 0;
        for (JsonNode one : cases) {
            String id = one.path("id").asText();
            String missing = firstMissing(one.path("needs"), has);
            if (missing != null) {
                System.out.printf("skip %s: this client has no %s%n", id, missing);
                continue;
            }
            System.out.printf("%n# %s: %s%n", id, one.path("title").asText());
            String failure = failureOf(one, sdks);
            if (failure == null) {
                passed++;
                System.out.println("ok " + id);
            } else {
                failed++;
                System.out.printf("not ok %s: %s%n", id, failure.replace('\n', ' '));
            }
        }
        System.out.printf("%nclient: %s%n%d passed, %d failed%n", title, passed, failed);
        return failed == 0 ? 0 : 1;
    }

    private static String firstMissing(JsonNode needs, Set<String> has) {
        for (JsonNode need : needs) if (!has.contains(need.asText())) return need.asText();
        return null;
    }

    private String failureOf(JsonNode one, Map<String, Sdk> sdks) {
        URI endpoint = URI.create(run.path(is(one, "server", "skewed") ? "skewedEndpoint" : "endpoint").asText());
        for (var sdk : sdks.entrySet()) {
            Map<String, JsonNode> saved = new HashMap<>();
            try {
                for (JsonNode step : one.path("steps")) {
                    if (step.has("control")) control(step, endpoint, saved);
                    else call(sdk.getKey(), sdk.getValue(), step, endpoint, saved);
                }
            } catch (Exception error) { // whatever a case meets is told, and the others go on
                return sdk.getKey() + ": " + (error instanceof Failure ? error.getMessage() : error);
            }
        }
        return null;
    }

    private void control(JsonNode step, URI endpoint, Map<String, JsonNode> saved) throws Exception {
        String method = step.path("control").asText();
        String path = step.path("path").asText();
        var body = step.has("body") ? BodyPublishers.ofString(step.path("body").toString()) : BodyPublishers.noBody();
        var request =
                HttpRequest.newBuilder(endpoint.resolve(path))
                        .header("Authorization", "Bearer " + run.path("adminToken").asText())
                        .header("Content-Type", "application/json")
                        .method(method, body)
                        .build();
        var answer = HTTP.send(request, BodyHandlers.ofString());
        if (answer.statusCode() / 100 != 2) {
            throw new Failure("%s %s answered %d: %s".formatted(method, path, answer.statusCode(), answer.body()));
        }
        if (step.has("expect")) match(JSON.readTree(answer.body()), step.path("expect"), saved, "");
    }

    private void call(String name, Sdk sdk, JsonNode step, URI endpoint, Map<String, JsonNode> saved) throws Exception {
        var call =
                new Call(
                        step.path("call").asText(),
                        filled(step.path("input"), saved),
                        step.path("region").asText(run.path("region").asText()),
                        endpoint,
                        credentials.path(step.path("credentials").asText()));
        System.out.printf("> %s: %s %s%n", name, call.operation(), call.input());
        Outcome outcome = sdk.send(call);
        Fault fault = outcome.fault();
        if (fault != null) {
            System.out.printf(
                    "< %s: %s (about: %s; attempts: %d)%n",
                    fault.name(), fault.message(), fault.about(), outcome.attempts());
            expectFault(step, fault);
            return;
        }
        JsonNode answer = outcome.answer();
        System.out.printf("< %s (attempts: %d)%n", answer, outcome.attempts());
        if (step.has("error")) throw new Failure("expected %s, got an answer".formatted(step.path("error").asText()));
        match(answer, step.path("expect"), saved, "");
        for (var part : step.path("save").properties()) {
            saved.put(part.getKey(), answer.at("/" + part.getValue().asText().replace('.', '/')));
        }
        if (step.has("jwt")) verifyJwt(answer.path("Signature").asText(), step.path("jwt"), endpoint);
    }

    private static void expectFault(JsonNode step, Fault fault) throws Failure {
        String expected = step.path("error").asText("an answer");
        String message = step.path("message").asText("");
        if (!fault.name().equals(expected)) {
            throw new Failure("expected %s, got %s: %s".formatted(expected, fault.name(), fault.message()));
        }
        if (step.path("modelled").asBoolean(true) && !fault.ofItsClass()) {
            throw new Failure("%s is not of the SDK's class of that name".formatted(expected));
        }
        if (!fault.message().toLowerCase(Locale.ROOT).contains(message.toLowerCase(Locale.ROOT))) {
            throw new Failure("expected a message with \"%s\", got \"%s\"".formatted(message, fault.message()));
        }
        String about = step.path("about").asText(fault.about());
        if (!about.equals(fault.about())) {
            throw new Failure("expected a fault of the %s, took it for one of the %s".formatted(about, fault.about()));
        }
    }

    /** The input with what was saved in the places of {@code $names}. */
    private static JsonNode filled(JsonNode input, Map<String, JsonNode> saved) {
        ObjectNode filled = input.deepCopy();
        filled.properties().forEach(member -> member.setValue(savedOr(member.getValue(), saved)));
        return filled;
    }

    private static JsonNode savedOr(JsonNode value, Map<String, JsonNode> saved) {
        return value.isTextual() && value.asText().startsWith("$") ? saved.get(value.asText().substring(1)) : value;
    }

    private static void match(JsonNode got, JsonNode expected, Map<String, JsonNode> saved, String path)
            throws Failure {
        JsonNode want = savedOr(expected, saved);
        boolean absent = got.isMissingNode() || got.isNull();
        if (want.isNull()) {
            if (!absent) throw wrong(path, "absent", got);
        } else if (want.isTextual() && want.asText().equals("*")) {
            if (absent || got.equals(TextNode.valueOf(""))) throw wrong(path, "there", got);
        } else if (want.isArray()) {
            if (got.size() != want.size()) throw wrong(path, "a list of " + want.size(), got);
            for (int i = 0; i < want.size(); i++) match(got.path(i), want.get(i), saved, join(path, "" + i));
        } else if (want.isObject()) {
            for (var member : want.properties()) {
                match(got.path(member.getKey()), member.getValue(), saved, join(path, member.getKey()));
            }
        } else if (!want.isMissingNode() && !isSame(got, want)) {
            throw wrong(path, want.toString(), got);
        }
    }

    private static boolean isSame(JsonNode got, JsonNode want) {
        if (!got.isNumber() || !want.isNumber()) return got.equals(want);
        return got.decimalValue().compareTo(want.decimalValue()) == 0;
    }

    private static Failure wrong(String path, String what, JsonNode got) {
        String place = path.isEmpty() ? "the answer" : path;
        Object found = got.isMissingNode() ? "nothing" : got;
        return new Failure("expected %s to be %s, got %s".formatted(place, what, found));
    }

    private static String join(String path, String key) {
        return path.isEmpty() ? key : path + "." + key;
    }

    private static boolean is(JsonNode node, String member, String value) {
        return node.path(member).asText().equals(value);
    }

    private static void verifyJwt(String jwt, JsonNode claims, URI endpoint) throws Exception {
        String[] parts = jwt.split("\\.");
        JsonNode head = JSON.readTree(decoded(parts[0]));
        if (!is(head, "alg", "PS256")) throw new Failure("expected a JWT of PS256, got " + head);
        var path = "/keys/%s/%s.pem".formatted(claims.path("productCode").asText(), claims.path("publicKeyVersion"));
        var pem = HTTP.send(HttpRequest.newBuilder(endpoint.resolve(path)).build(), BodyHandlers.ofString()).body();
        if (!isSigned(parts[0] + "." + parts[1], decoded(parts[2]), pem)) {
            throw new Failure("the JWT's signature does not verify");
        }
        match(JSON.readTree(decoded(parts[1])), claims, Map.of(), "jwt");
    }

    private static boolean isSigned(String text, byte[] signature, String pem) throws GeneralSecurityException {
        byte[] der = Base64.getMimeDecoder().decode(pem.replaceAll("-----[^-]+-----", ""));
        Signature verifier = Signature.getInstance("RSASSA-PSS");
        // PS256 has a salt of the length of its hash.
        verifier.setParameter(new PSSParameterSpec("SHA-256", "MGF1", MGF1ParameterSpec.SHA256, 32, 1));
        verifier.initVerify(KeyFactory.getInstance("RSA").generatePublic(new X509EncodedKeySpec(der)));
        verifier.update(text.getBytes(StandardCharsets.US_ASCII));
        return verifier.verify(signature);
    }

    private static byte[] decoded(String part) {
        return Base64.getUrlDecoder().decode(part);
    }

    private interface Converter<A, B> {
        B convert(A value);
    }

    private static <T> JsonDeserializer<T> reading(Converter<Instant, T> converter) {
        return new JsonDeserializer<>() {
            @Override
            public T deserialize(JsonParser parser, DeserializationContext context) throws IOException {
                return converter.convert(Instant.ofEpochSecond(parser.getLongValue()));
            }
        };
    }

    private static <T> JsonSerializer<T> writing(Converter<T, Instant> converter) {
        return new JsonSerializer<>() {
            @Override
            public void serialize(T value, JsonGenerator json, SerializerProvider provider) throws IOException {
                long millis = converter.convert(value).toEpochMilli();
                if (millis % 1_000 == 0) json.writeNumber(millis / 1_000);
                else json.writeNumber(BigDecimal.valueOf(millis, 3));
            }
        };
    }
}
