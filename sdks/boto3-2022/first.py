# This version knows no AWS_ENDPOINT_URL: the endpoint is given to the client. Region and keys come from the environment.
import os
from datetime import datetime

import boto3

client = boto3.client("meteringmarketplace", endpoint_url=os.environ["AWS_ENDPOINT_URL"])
answer = client.batch_meter_usage(
    ProductCode=os.environ["PRODUCT_CODE"],
    UsageRecords=[
        {
            "Timestamp": datetime.fromisoformat(os.environ["HOUR"].replace("Z", "+00:00")),
            "CustomerIdentifier": os.environ["CUSTOMER_IDENTIFIER"],
            "Dimension": "gb",
            "Quantity": 1,
        }
    ],
)
result = answer["Results"][0]
print(result["Status"], result["MeteringRecordId"], len(answer["UnprocessedRecords"]), "unprocessed")
