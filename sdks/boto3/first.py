# AWS_ENDPOINT_URL, AWS_DEFAULT_REGION, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY say where and who: no line here does.
import os
from datetime import datetime

import boto3

client = boto3.client("meteringmarketplace")
answer = client.batch_meter_usage(
    ProductCode=os.environ["PRODUCT_CODE"],
    UsageRecords=[
        {
            "Timestamp": datetime.fromisoformat(os.environ["HOUR"].replace("Z", "+00:00")),
            "CustomerAWSAccountId": os.environ["CUSTOMER"],
            "Dimension": "gb",
            "Quantity": 1,
        }
    ],
)
result = answer["Results"][0]
print(result["Status"], result["MeteringRecordId"], len(answer["UnprocessedRecords"]), "unprocessed")
