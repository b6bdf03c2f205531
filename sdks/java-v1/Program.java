import com.amazonaws.AmazonServiceException;
import com.amazonaws.AmazonWebServiceResult;
import com.amazonaws.SDKGlobalTime;
import com.amazonaws.auth.AWSCredentials;
import com.amazonaws.auth.AWSStaticCredentialsProvider;
import com.amazonaws.auth.BasicAWSCredentials;
import com.amazonaws.auth.BasicSessionCredentials;
import com.amazonaws.client.builder.AwsClientBuilder;
import com.amazonaws.client.builder.AwsClientBuilder.EndpointConfiguration;
import com.amazonaws.handlers.HandlerBeforeAttemptContext;
import com.amazonaws.handlers.RequestHandler2;
import com.amazonaws.services.cloudtrail.AWSCloudTrailClientBuilder;
import com.amazonaws.services.cloudtrail.model.LookupEventsRequest;
import com.amazonaws.services.marketplaceentitlement.AWSMarketplaceEntitlementClientBuilder;
import com.amazonaws.services.marketplaceentitlement.model.GetEntitlementsRequest;
import com.amazonaws.services.marketplaceentitlement.model.InvalidParameterException;
import com.amazonaws.services.marketplacemetering.AWSMarketplaceMetering;
import com.amazonaws.services.marketplacemetering.AWSMarketplaceMeteringClientBuilder;
import com.amazonaws.services.marketplacemetering.model.*;
import com.amazonaws.util.VersionInfoUtils;
import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;

/** The scenario through the AWS SDK for Java 1. */
public final class Program {
    /** The classes that a caller catches. */
    private static final Set<Class<? extends AmazonServiceException>> EXCEPTIONS =
            Set.of(
                    CustomerNotEntitledException.class,
                    DisabledApiException.class,
                    DuplicateRequestException.class,
                    ExpiredTokenException.class,
                    InternalServiceErrorException.class,
                    InvalidCustomerIdentifierException.class,
                    InvalidEndpointRegionException.class,
                    InvalidProductCodeException.class,
                    InvalidPublicKeyVersionException.class,
                    InvalidRegionException.class,
                    InvalidTagException.class,
                    InvalidTokenException.class,
                    InvalidUsageAllocationsException.class,
                    InvalidUsageDimensionException.class,
                    PlatformNotSupportedException.class,
                    ThrottlingException.class,
                    TimestampOutOfBoundsException.class,
                    // of GetEntitlements
                    InvalidParameterException.class);

    private static final ObjectMapper BEANS =
            Scenario.BEANS.copy().addMixIn(AmazonWebServiceResult.class, MembersOnly.class);

    @JsonIgnoreProperties({"SdkResponseMetadata", "SdkHttpMetadata"})
    private interface MembersOnly {}

    public static void main(String[] args) throws Exception {
        var title = "AWS SDK for Java " + VersionInfoUtils.getVersion();
        System.exit(
                new Scenario(args[0], "../jvm/faults.json").run(title, features(), Map.of("sync", Program::outcomeOf)));
    }

    /** What this version's model can say, read from its classes. */
    private static Set<String> features() {
        Set<String> has = new HashSet<>(Set.of("GetEntitlements", "LookupEvents", "clockSkewCorrection"));
        for (var member : Set.of("CustomerAWSAccountId", "LicenseArn", "UsageAllocations")) {
            if (canSay(UsageRecord.class, member)) has.add(member);
        }
        if (canSay(MeterUsageRequest.class, "ClientToken")) has.add("ClientToken");
        if (canSay(ResolveCustomerResult.class, "CustomerAWSAccountId")) has.add("ResolvedAccountId");
        return has;
    }

    private static boolean canSay(Class<?> shape, String member) {
        return Arrays.stream(shape.getMethods()).anyMatch(method -> method.getName().equals("get" + member));
    }

    private static Scenario.Outcome outcomeOf(Scenario.Call call) {
        // A correction of the clock is the whole JVM's; each call is to find the server's time by itself.
        SDKGlobalTime.setGlobalTimeOffset(0);
        var attempts = new AtomicInteger();
        try {
            return new Scenario.Outcome(BEANS.valueToTree(send(call, attempts)), null, attempts.get());
        } catch (InvalidTokenException error) {
            return refused(error, "registration token", attempts);
        } catch (AWSMarketplaceMeteringException error) {
            // ExpiredTokenException is of one class for a registration token and for the caller's session: its text
            // tells. What no operation declares, faults of keys too, is of this class itself.
            boolean expired = error instanceof ExpiredTokenException;
            if (expired && !error.getErrorMessage().contains("security token")) {
                return refused(error, "registration token", attempts);
            }
            boolean ofKeys = expired || Scenario.CREDENTIAL_FAULTS.contains(error.getErrorCode());
            return refused(error, ofKeys ? "credentials" : "request", attempts);
        } catch (AmazonServiceException error) { // of the other services
            return refused(error, "request", attempts);
        }
    }

    private static Scenario.Outcome refused(AmazonServiceException error, String about, AtomicInteger attempts) {
        var type = error.getClass();
        var ofItsClass = EXCEPTIONS.contains(type) && type.getSimpleName().equals(error.getErrorCode());
        var fault = new Scenario.Fault(error.getErrorCode(), error.getErrorMessage(), ofItsClass, about);
        return new Scenario.Outcome(null, fault, attempts.get());
    }

    private static AmazonWebServiceResult<?> send(Scenario.Call call, AtomicInteger attempts) {
        return switch (call.operation()) {
            case "GetEntitlements" -> {
                var client = configured(AWSMarketplaceEntitlementClientBuilder.standard(), call, attempts);
                try {
                    yield client.getEntitlements(read(call, GetEntitlementsRequest.class));
                } finally {
                    client.shutdown();
                }
            }
            case "LookupEvents" -> {
                var client = configured(AWSCloudTrailClientBuilder.standard(), call, attempts);
                try {
                    yield client.lookupEvents(read(call, LookupEventsRequest.class));
                } finally {
                    client.shutdown();
                }
            }
            default -> {
                var client = configured(AWSMarketplaceMeteringClientBuilder.standard(), call, attempts);
                try {
                    yield meter(client, call);
                } finally {
                    client.shutdown();
                }
            }
        };
    }

    private static AmazonWebServiceResult<?> meter(AWSMarketplaceMetering client, Scenario.Call call) {
        return switch (call.operation()) {
            case "BatchMeterUsage" -> client.batchMeterUsage(read(call, BatchMeterUsageRequest.class));
            case "MeterUsage" -> client.meterUsage(read(call, MeterUsageRequest.class));
            case "RegisterUsage" -> client.registerUsage(read(call, RegisterUsageRequest.class));
            case "ResolveCustomer" -> client.resolveCustomer(read(call, ResolveCustomerRequest.class));
            default -> throw new IllegalArgumentException("no operation " + call.operation());
        };
    }

    /** The SDK's typed request, which is a bean. */
    private static <R> R read(Scenario.Call call, Class<R> request) {
        return BEANS.convertValue(call.input(), request);
    }

    private static <B extends AwsClientBuilder<B, C>, C> C configured(
            B builder, Scenario.Call call, AtomicInteger attempts) {
        return builder.withEndpointConfiguration(new EndpointConfiguration(call.endpoint().toString(), call.region()))
                .withCredentials(new AWSStaticCredentialsProvider(keysOf(call)))
                .withRequestHandlers(new Counting(attempts))
                .build();
    }

    private static AWSCredentials keysOf(Scenario.Call call) {
        var id = call.key("accessKeyId");
        var secret = call.key("secretAccessKey");
        var token = call.key("sessionToken");
        return token == null ? new BasicAWSCredentials(id, secret) : new BasicSessionCredentials(id, secret, token);
    }

    /** Counts what is sent, retries too. */
    private static final class Counting extends RequestHandler2 {
        private final AtomicInteger attempts;

        Counting(AtomicInteger attempts) {
            this.attempts = attempts;
        }

        @Override
        public void beforeAttempt(HandlerBeforeAttemptContext context) {
            attempts.incrementAndGet();
        }
    }
}
