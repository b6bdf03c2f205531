// Region and keys come from the environment. Newer versions read AWS_ENDPOINT_URL as well; this one is given the endpoint.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/marketplacemetering"
	"github.com/aws/aws-sdk-go-v2/service/marketplacemetering/types"
)

func main() {
	ctx := context.Background()
	endpoint := func(service, region string, options ...any) (aws.Endpoint, error) {
		return aws.Endpoint{URL: os.Getenv("AWS_ENDPOINT_URL"), SigningRegion: region}, nil
	}
	cfg, err := config.LoadDefaultConfig(ctx, config.WithEndpointResolverWithOptions(aws.EndpointResolverWithOptionsFunc(endpoint)))
	if err != nil {
		log.Fatal(err)
	}
	hour, err := time.Parse(time.RFC3339, os.Getenv("HOUR"))
	if err != nil {
		log.Fatal(err)
	}
	answer, err := marketplacemetering.NewFromConfig(cfg).BatchMeterUsage(ctx, &marketplacemetering.BatchMeterUsageInput{
		ProductCode: aws.String(os.Getenv("PRODUCT_CODE")),
		UsageRecords: []types.UsageRecord{{
			Timestamp:          aws.Time(hour),
			CustomerIdentifier: aws.String(os.Getenv("CUSTOMER_IDENTIFIER")),
			Dimension:          aws.String("gb"),
			Quantity:           aws.Int32(1),
		}},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(answer.Results[0].Status, *answer.Results[0].MeteringRecordId, len(answer.UnprocessedRecords), "unprocessed")
}
