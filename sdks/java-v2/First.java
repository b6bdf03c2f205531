// AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY say where and who: no line here does.
import java.time.Instant;
import software.amazon.awssdk.services.marketplacemetering.MarketplaceMeteringClient;
import software.amazon.awssdk.services.marketplacemetering.model.UsageRecord;

public class First {
    public static void main(String[] args) {
        var record =
                UsageRecord.builder()
                        .timestamp(Instant.parse(System.getenv("HOUR")))
                        .customerAWSAccountId(System.getenv("CUSTOMER"))
                        .dimension("gb")
                        .quantity(1)
                        .build();
        try (var client = MarketplaceMeteringClient.create()) {
            var answer =
                    client.batchMeterUsage(r -> r.productCode(System.getenv("PRODUCT_CODE")).usageRecords(record));
            var result = answer.results().get(0);
            var unprocessed = answer.unprocessedRecords().size();
            System.out.printf("%s %s %d unprocessed%n", result.status(), result.meteringRecordId(), unprocessed);
        }
    }
}
