import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.AwsCredentials;
import software.amazon.awssdk.auth.credentials.AwsSessionCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.awscore.client.builder.AwsAsyncClientBuilder;
import software.amazon.awssdk.awscore.client.builder.AwsClientBuilder;
import software.amazon.awssdk.awscore.exception.AwsServiceException;
import software.amazon.awssdk.core.SdkField;
import software.amazon.awssdk.core.SdkGlobalTime;
import software.amazon.awssdk.core.SdkPojo;
import software.amazon.awssdk.core.SdkResponse;
import software.amazon.awssdk.core.interceptor.Context;
import software.amazon.awssdk.core.interceptor.ExecutionAttributes;
import software.amazon.awssdk.core.interceptor.ExecutionInterceptor;
import software.amazon.awssdk.core.util.VersionInfo;
import software.amazon.awssdk.http.async.SdkAsyncHttpClient;
import software.amazon.awssdk.http.nio.netty.NettyNioAsyncHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.cloudtrail.CloudTrailAsyncClient;
import software.amazon.awssdk.services.cloudtrail.CloudTrailClient;
import software.amazon.awssdk.services.cloudtrail.model.LookupEventsRequest;
import software.amazon.awssdk.services.marketplaceentitlement.MarketplaceEntitlementAsyncClient;
import software.amazon.awssdk.services.marketplaceentitlement.MarketplaceEntitlementClient;
import software.amazon.awssdk.services.marketplaceentitlement.model.GetEntitlementsRequest;
import software.amazon.awssdk.services.marketplaceentitlement.model.InvalidParameterException;
import software.amazon.awssdk.services.marketplacemetering.MarketplaceMeteringAsyncClient;
import software.amazon.awssdk.services.marketplacemetering.MarketplaceMeteringClient;
import software.amazon.awssdk.services.marketplacemetering.model.*;
import software.amazon.awssdk.utils.builder.SdkBuilder;

/** The scenario through the AWS SDK for Java 2: each case with the sync clients, then with the async ones. */
public final class Program {
    /** The classes that a caller catches. */
    private static final Set<Class<? extends AwsServiceException>> EXCEPTIONS =
            Set.of(
                    CustomerNotEntitledException.class,
                    DisabledApiException.class,
                    DuplicateRequestException.class,
                    ExpiredTokenException.class,
                    IdempotencyConflictException.class,
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

    /** One for all async clients: each of its own would take two seconds to close. */
    private static final SdkAsyncHttpClient NETTY = NettyNioAsyncHttpClient.create();

    public static void main(String[] args) throws Exception {
        Map<String, Scenario.Sdk> sdks = new LinkedHashMap<>();
        sdks.put("sync", call -> outcomeOf(call, Program::sendSync));
        sdks.put("async", call -> outcomeOf(call, Program::sendAsync));
        var metadata = MarketplaceMeteringClient.serviceMetadata();
        var host = metadata.endpointFor(Region.US_EAST_1);
        System.out.printf("%d Regions; us-east-1: %s%n", metadata.regions().size(), host);
        var title = "AWS SDK for Java %s (sync and async)".formatted(VersionInfo.SDK_VERSION);
        int code = new Scenario(args[0], "../jvm/faults.json").run(title, features(), sdks);
        NETTY.close();
        System.exit(code);
    }

    /** What this version's model can say, read from the model itself. */
    private static Set<String> features() {
        Set<String> has = new HashSet<>(Set.of("GetEntitlements", "LookupEvents", "clockSkewCorrection"));
        members(UsageRecord.builder().build())
                .filter(Set.of("CustomerAWSAccountId", "LicenseArn", "UsageAllocations")::contains)
                .forEach(has::add);
        if (members(MeterUsageRequest.builder().build()).anyMatch("ClientToken"::equals)) has.add("ClientToken");
        if (members(ResolveCustomerResponse.builder().build()).anyMatch("CustomerAWSAccountId"::equals)) {
            has.add("ResolvedAccountId");
        }
        return has;
    }

    private static Stream<String> members(SdkPojo shape) {
        return shape.sdkFields().stream().map(SdkField::memberName);
    }

    private interface Sending {
        SdkResponse send(Scenario.Call call, AtomicInteger attempts);
    }

    private static Scenario.Outcome outcomeOf(Scenario.Call call, Sending sending) {
        // A correction of the clock is the whole JVM's; each call is to find the server's time by itself.
        SdkGlobalTime.setGlobalTimeOffset(0);
        var attempts = new AtomicInteger();
        try {
            var answer = sending.send(call, attempts);
            return new Scenario.Outcome(Scenario.BEANS.valueToTree(answer.toBuilder()), null, attempts.get());
        } catch (AwsServiceException error) {
            return new Scenario.Outcome(null, faultOf(error), attempts.get());
        } catch (CompletionException error) { // what join() wraps the SDK's exception in
            if (!(error.getCause() instanceof AwsServiceException cause)) throw error;
            return new Scenario.Outcome(null, faultOf(cause), attempts.get());
        }
    }

    private static Scenario.Fault faultOf(AwsServiceException error) {
        var details = error.awsErrorDetails();
        var name = error.getClass().getSimpleName();
        var ofItsClass = EXCEPTIONS.contains(error.getClass()) && name.equals(details.errorCode());
        return new Scenario.Fault(details.errorCode(), details.errorMessage(), ofItsClass, aboutOf(error));
    }

    /** An ExpiredTokenException is of this class too when a session of the caller's has expired: its text tells. */
    private static String aboutOf(AwsServiceException error) {
        if (error instanceof InvalidTokenException) return "registration token";
        var details = error.awsErrorDetails();
        if (error instanceof ExpiredTokenException && !details.errorMessage().contains("security token")) {
            return "registration token";
        }
        boolean ofKeys = error instanceof ExpiredTokenException;
        return ofKeys || Scenario.CREDENTIAL_FAULTS.contains(details.errorCode()) ? "credentials" : "request";
    }

    private static SdkResponse sendSync(Scenario.Call call, AtomicInteger attempts) {
        switch (call.operation()) {
            case "GetEntitlements":
                try (var client = configured(MarketplaceEntitlementClient.builder(), call, attempts)) {
                    return client.getEntitlements(read(call, GetEntitlementsRequest.serializableBuilderClass()));
                }
            case "LookupEvents":
                try (var client = configured(CloudTrailClient.builder(), call, attempts)) {
                    return client.lookupEvents(read(call, LookupEventsRequest.serializableBuilderClass()));
                }
            default:
                try (var client = configured(MarketplaceMeteringClient.builder(), call, attempts)) {
                    return meter(client, call);
                }
        }
    }

    private static SdkResponse meter(MarketplaceMeteringClient client, Scenario.Call call) {
        return switch (call.operation()) {
            case "BatchMeterUsage" ->
                    client.batchMeterUsage(read(call, BatchMeterUsageRequest.serializableBuilderClass()));
            case "MeterUsage" ->
                    client.meterUsage(read(call, MeterUsageRequest.serializableBuilderClass()));
            case "RegisterUsage" ->
                    client.registerUsage(read(call, RegisterUsageRequest.serializableBuilderClass()));
            case "ResolveCustomer" ->
                    client.resolveCustomer(read(call, ResolveCustomerRequest.serializableBuilderClass()));
            default -> throw new IllegalArgumentException("no operation " + call.operation());
        };
    }

    private static SdkResponse sendAsync(Scenario.Call call, AtomicInteger attempts) {
        switch (call.operation()) {
            case "GetEntitlements":
                try (var client = configuredAsync(MarketplaceEntitlementAsyncClient.builder(), call, attempts)) {
                    return client.getEntitlements(read(call, GetEntitlementsRequest.serializableBuilderClass())).join();
                }
            case "LookupEvents":
                try (var client = configuredAsync(CloudTrailAsyncClient.builder(), call, attempts)) {
                    return client.lookupEvents(read(call, LookupEventsRequest.serializableBuilderClass())).join();
                }
            default:
                try (var client = configuredAsync(MarketplaceMeteringAsyncClient.builder(), call, attempts)) {
                    return meterAsync(client, call).join();
                }
        }
    }

    private static CompletableFuture<? extends SdkResponse> meterAsync(
            MarketplaceMeteringAsyncClient client, Scenario.Call call) {
        return switch (call.operation()) {
            case "BatchMeterUsage" ->
                    client.batchMeterUsage(read(call, BatchMeterUsageRequest.serializableBuilderClass()));
            case "MeterUsage" ->
                    client.meterUsage(read(call, MeterUsageRequest.serializableBuilderClass()));
            case "RegisterUsage" ->
                    client.registerUsage(read(call, RegisterUsageRequest.serializableBuilderClass()));
            case "ResolveCustomer" ->
                    client.resolveCustomer(read(call, ResolveCustomerRequest.serializableBuilderClass()));
            default -> throw new IllegalArgumentException("no operation " + call.operation());
        };
    }

    /** The SDK's typed request; its builders are beans. */
    private static <B extends SdkBuilder<B, R>, R> R read(Scenario.Call call, Class<? extends B> builder) {
        return Scenario.BEANS.convertValue(call.input(), builder).build();
    }

    private static <B extends AwsClientBuilder<B, C>, C> C configured(
            B builder, Scenario.Call call, AtomicInteger attempts) {
        return builder.region(Region.of(call.region()))
                .endpointOverride(call.endpoint())
                .credentialsProvider(StaticCredentialsProvider.create(keysOf(call)))
                .overrideConfiguration(o -> o.addExecutionInterceptor(new Counting(attempts)))
                .build();
    }

    private static <B extends AwsAsyncClientBuilder<B, C> & AwsClientBuilder<B, C>, C> C configuredAsync(
            B builder, Scenario.Call call, AtomicInteger attempts) {
        return configured(builder.httpClient(NETTY), call, attempts);
    }

    private static AwsCredentials keysOf(Scenario.Call call) {
        var id = call.key("accessKeyId");
        var secret = call.key("secretAccessKey");
        var token = call.key("sessionToken");
        return token == null ? AwsBasicCredentials.create(id, secret) : AwsSessionCredentials.create(id, secret, token);
    }

    /** Counts what is sent, retries too. */
    private record Counting(AtomicInteger attempts) implements ExecutionInterceptor {
        @Override
        public void beforeTransmission(Context.BeforeTransmission context, ExecutionAttributes attributes) {
            attempts.incrementAndGet();
        }
    }
}
