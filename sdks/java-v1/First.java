// AWS_REGION, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY say where and who.
// The SDK for Java 1 does not read AWS_ENDPOINT_URL: the program hands it over.
import com.amazonaws.client.builder.AwsClientBuilder.EndpointConfiguration;
import com.amazonaws.services.marketplacemetering.AWSMarketplaceMeteringClientBuilder;
import com.amazonaws.services.marketplacemetering.model.BatchMeterUsageRequest;
import com.amazonaws.services.marketplacemetering.model.UsageRecord;
import java.time.Instant;
import java.util.Date;

public class First {
    public static void main(String[] args) {
        var endpoint = new EndpointConfiguration(System.getenv("AWS_ENDPOINT_URL"), System.getenv("AWS_REGION"));
        var client = AWSMarketplaceMeteringClientBuilder.standard().withEndpointConfiguration(endpoint).build();
        var record =
                new UsageRecord()
                        .withTimestamp(Date.from(Instant.parse(System.getenv("HOUR"))))
                        .withCustomerIdentifier(System.getenv("CUSTOMER_IDENTIFIER"))
                        .withDimension("gb")
                        .withQuantity(1);
        var answer =
                client.batchMeterUsage(
                        new BatchMeterUsageRequest()
                                .withProductCode(System.getenv("PRODUCT_CODE"))
                                .withUsageRecords(record));
        var result = answer.getResults().get(0);
        var unprocessed = answer.getUnprocessedRecords().size();
        System.out.printf("%s %s %d unprocessed%n", result.getStatus(), result.getMeteringRecordId(), unprocessed);
    }
}
