# AWS_DEFAULT_REGION, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY say where and who. Versions before 2.13 and 1.29 know no
# AWS_ENDPOINT_URL: they take --endpoint-url.
"${AWS:-aws}" meteringmarketplace batch-meter-usage --endpoint-url "$AWS_ENDPOINT_URL" --product-code "$PRODUCT_CODE" \
  --usage-records "Timestamp=$HOUR,CustomerIdentifier=$CUSTOMER_IDENTIFIER,Dimension=gb,Quantity=1" \
  --query 'Results[0].[Status,MeteringRecordId]' --output text
