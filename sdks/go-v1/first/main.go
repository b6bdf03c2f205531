// Region and keys come from the environment. This version reads no AWS_ENDPOINT_URL: the endpoint is given to the session.
package main

import (
	"fmt"
	"log"
	"os"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/session"
	"github.com/aws/aws-sdk-go/service/marketplacemetering"
)

func main() {
	started := session.Must(session.NewSession(&aws.Config{Endpoint: aws.String(os.Getenv("AWS_ENDPOINT_URL"))}))
	hour, err := time.Parse(time.RFC3339, os.Getenv("HOUR"))
	if err != nil {
		log.Fatal(err)
	}
	answer, err := marketplacemetering.New(started).BatchMeterUsage(&marketplacemetering.BatchMeterUsageInput{
		ProductCode: aws.String(os.Getenv("PRODUCT_CODE")),
		UsageRecords: []*marketplacemetering.UsageRecord{{
			Timestamp:          aws.Time(hour),
			CustomerIdentifier: aws.String(os.Getenv("CUSTOMER_IDENTIFIER")),
			Dimension:          aws.String("gb"),
			Quantity:           aws.Int64(1),
		}},
	})
	if err != nil {
		log.Fatal(err)
	}
	result := answer.Results[0]
	fmt.Println(*result.Status, *result.MeteringRecordId, len(answer.UnprocessedRecords), "unprocessed")
}
