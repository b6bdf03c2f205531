# AWS_ENDPOINT_URL, AWS_DEFAULT_REGION, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY say where and who: no flag here does.
"${AWS:-aws}" meteringmarketplace batch-meter-usage --product-code "$PRODUCT_CODE" \
  --usage-records "Timestamp=$HOUR,CustomerAWSAccountId=$CUSTOMER,Dimension=gb,Quantity=1" \
  --query 'Results[0].[Status,MeteringRecordId]' --output text
